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
  return optax.chain(_MOMENTS[counts](optax.scale_by_adam(b1, b2, eps)),
                     optax.scale_by_learning_rate(lr))


def rmsprop(lr, *, alpha=.99, eps=1e-8):
  """RMSprop (Hinton, 2012): g / (sqrt(mean of g^2) + eps)."""
  # optax defaults to a decay of .9 and to eps inside the square root.
  return optax.rmsprop(lr, decay=alpha, eps=eps, eps_in_sqrt=False)


def sgd(lr, *, momentum=0.):
  """SGD, with heavy-ball momentum (Polyak, 1964) if `momentum` is not 0."""
  # With None, unlike 0, the state has no momentum buffer.
  return optax.sgd(lr, momentum=momentum or None)


def _of_each(tx):
  """`tx` with a state for each parameter, whose count stays 0 until it begins.

  With count and gradient 0 the moments stay 0, and so does the update.
  """
  def update(grads, states, params=None):
    del params
    leaves, tree = jax.tree.flatten(grads)
    results = []
    for grad, state in zip(leaves, tree.flatten_up_to(states)):
      begun = (state.count > 0) | jnp.any(grad != 0)
      scaled, new = tx.update(grad, state)
      results.append((scaled, new._replace(
          count=jnp.where(begun, new.count, state.count))))
    return tuple(tree.unflatten(x) for x in zip(*results))

  return optax.GradientTransformation(
      lambda params: jax.tree.map(tx.init, params), update)


_MOMENTS = {'shared': lambda tx: tx, 'own': _of_each}
