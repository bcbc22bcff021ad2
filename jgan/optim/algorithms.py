"""Optimizers with PyTorch's arithmetic and defaults, which the papers used.

`lr` is a number or a schedule, count -> rate.
"""
import optax

__all__ = ['adam', 'rmsprop', 'sgd']


def adam(lr, *, b1=.9, b2=.999, eps=1e-8):
  """Adam (Kingma & Ba, 2015), bias-corrected, eps outside the root."""
  return optax.adam(lr, b1=b1, b2=b2, eps=eps)


def rmsprop(lr, *, alpha=.99, eps=1e-8):
  """RMSprop (Hinton, 2012): g / (sqrt(mean of g^2) + eps)."""
  # optax decays by .9 and puts eps inside the root unless told otherwise.
  return optax.rmsprop(lr, decay=alpha, eps=eps, eps_in_sqrt=False)


def sgd(lr, *, momentum=0.):
  """Gradient descent, with heavy-ball momentum (Polyak, 1964) if not 0."""
  return optax.sgd(lr, momentum=momentum or None)  # None keeps no buffer
