"""Optimizers with the arithmetic and defaults of PyTorch, as the papers used.

`lr` is a number or a schedule, count -> learning rate.
"""
import jax
import jax.numpy as jnp
import optax

from jgan import lookup
from jgan.errors import UserError

__all__ = ['adam', 'rmsprop', 'sgd']


def adam(lr, *, b1=.9, b2=.999, eps=1e-8, counts='shared'):
  """Adam (Kingma & Ba, 2015), bias-corrected, eps outside the square root.

  counts: of the updates, for the bias correction. 'shared': of all. 'own': of
    each parameter from its first gradient that is not zero, as in PyTorch,
    where a layer that joins late has no gradient before.

  Raises:
    UserError: other counts.
  """
  if counts not in _MOMENTS:
    raise UserError(f"adam: no counts '{counts}': "
                    f'{lookup.nearest(counts, _MOMENTS)}')
  return optax.chain(_MOMENTS[counts](b1, b2, eps),
                     optax.scale_by_learning_rate(lr))


def rmsprop(lr, *, alpha=.99, eps=1e-8):
  """RMSprop (Hinton, 2012): g / (sqrt(mean of g^2) + eps)."""
  # optax defaults to a decay of .9 and to eps inside the square root.
  return optax.rmsprop(lr, decay=alpha, eps=eps, eps_in_sqrt=False)


def sgd(lr, *, momentum=0.):
  """SGD, with heavy-ball momentum (Polyak, 1964) if `momentum` is not 0."""
  # With None, unlike 0, the state has no momentum buffer.
  return optax.sgd(lr, momentum=momentum or None)


def _own_counts(b1, b2, eps):
  """optax.scale_by_adam, but with a tree of counts beside those of the moments.

  A count is 0 until its parameter has a gradient that is not zero. Until then
  the moments are 0, and so is the update.
  """
  def init(params):
    zeros = lambda: jax.tree.map(jnp.zeros_like, params)
    return optax.ScaleByAdamState(
        jax.tree.map(lambda p: jnp.int32(0), params), zeros(), zeros())

  def update(grads, state, params=None):
    del params
    count = jax.tree.map(lambda n, g: n + ((n > 0) | jnp.any(g != 0)),
                         state.count, grads)
    mean = lambda old, new, b: jax.tree.map(
        lambda x, y: (1 - b) * y + b * x, old, new)
    mu = mean(state.mu, grads, b1)
    nu = mean(state.nu, jax.tree.map(jnp.square, grads), b2)

    def scaled(m, v, n):
      n = jnp.maximum(n, 1)
      return m / (1 - b1**n) / (jnp.sqrt(v / (1 - b2**n)) + eps)

    return (jax.tree.map(scaled, mu, nu, count),
            optax.ScaleByAdamState(count, mu, nu))

  return optax.GradientTransformation(init, update)


_MOMENTS = {'shared': optax.scale_by_adam, 'own': _own_counts}
