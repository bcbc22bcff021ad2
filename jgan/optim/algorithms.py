"""Optimizers with the arithmetic and defaults of PyTorch, as the papers used.

`lr` is a number or a schedule, count -> learning rate.
"""
import optax

__all__ = ['adam', 'rmsprop', 'sgd']


def adam(lr, *, b1=.9, b2=.999, eps=1e-8):
  """Adam (Kingma & Ba, 2015), bias-corrected, eps outside the square root."""
  return optax.adam(lr, b1=b1, b2=b2, eps=eps)


def rmsprop(lr, *, alpha=.99, eps=1e-8):
  """RMSprop (Hinton, 2012): g / (sqrt(mean of g^2) + eps)."""
  # optax defaults to a decay of .9 and to eps inside the square root.
  return optax.rmsprop(lr, decay=alpha, eps=eps, eps_in_sqrt=False)


def sgd(lr, *, momentum=0.):
  """SGD, with heavy-ball momentum (Polyak, 1964) if `momentum` is not 0."""
  # With None, unlike 0, the state has no momentum buffer.
  return optax.sgd(lr, momentum=momentum or None)
