"""Optimizers with the arithmetic and defaults of PyTorch, as the papers used.

`lr` is a number or a schedule, count -> learning rate.
"""
import jax
import jax.numpy as jnp
import optax

from jgan import lookup
from jgan.errors import UserError
from jgan.ops import ramp

__all__ = ['adam', 'rmsprop', 'sgd']


def adam(lr, *, b1=.9, b2=.999, eps=1e-8, counts='shared', final_b2=0.,
         end=0.):
  """Adam (Kingma & Ba, 2015), bias-corrected, eps outside the square root.

  counts: of the updates, for the bias correction. 'shared': of all. 'own': of
    each parameter from its first gradient that is not zero, as in PyTorch,
    where a layer that joins late has no gradient before.
  final_b2: b2 from update `end` on.
  end: updates of this optimizer, penalties' own included, in which b2 moves
    there by half a cosine wave; 0: b2 is constant. As in PyTorch, the bias
    correction is that of the current b2.

  Raises:
    UserError: other counts, a b1 outside (-1, 1), a b2 or final_b2 outside
      [0, 1), an eps or end below 0.
  """
  if not (-1. < b1 < 1. and 0. <= b2 < 1. and eps >= 0.):
    raise UserError(f'adam: b1={b1:g}, b2={b2:g}, eps={eps:g}; in (-1, 1), in '
                    '[0, 1) and at least 0 would be right')
  if counts not in _MOMENTS:
    raise UserError(f"adam: no counts '{counts}': "
                    f'{lookup.nearest(counts, _MOMENTS)}')
  if not 0. <= final_b2 < 1. or end < 0. or (end and counts != 'shared'):
    raise UserError(f'adam: final_b2={final_b2:g}, end={end:g}, counts='
                    f"'{counts}'; a b2 in [0, 1), at least 0 updates, and "
                    "counts='shared' with more than 0 would be right")
  if end:
    moments = _moving(b1, lambda n: ramp.cosine(n, end, b2, final_b2), eps)
    return optax.chain(moments, optax.scale_by_learning_rate(lr))
  return optax.chain(_MOMENTS[counts](b1, b2, eps),
                     optax.scale_by_learning_rate(lr))


def rmsprop(lr, *, alpha=.99, eps=1e-8):
  """RMSprop (Hinton, 2012): g / (sqrt(mean of g^2) + eps).

  Raises:
    UserError: an alpha outside [0, 1), an eps below 0.
  """
  if not (0. <= alpha < 1. and eps >= 0.):
    raise UserError(f'rmsprop: alpha={alpha:g}, eps={eps:g}; in [0, 1) and at '
                    'least 0 would be right')
  # optax defaults to a decay of .9 and to eps inside the square root.
  return optax.rmsprop(lr, decay=alpha, eps=eps, eps_in_sqrt=False)


def sgd(lr, *, momentum=0.):
  """SGD, with heavy-ball momentum (Polyak, 1964) if `momentum` is not 0.

  It may be negative, as b1 of `adam` (Gidel et al., 2019).

  Raises:
    UserError: a momentum outside (-1, 1).
  """
  if not -1. < momentum < 1.:
    raise UserError(f'sgd: momentum={momentum:g}; in (-1, 1) would be right')
  # With None, unlike 0, the state has no momentum buffer.
  return optax.sgd(lr, momentum=momentum or None)


def _moving(b1, b2, eps):
  """optax.scale_by_adam with a b2 that is a function of the updates before."""
  at = lambda count: optax.scale_by_adam(b1, b2(count), eps)

  def update(grads, state, params=None):
    return at(state.count).update(grads, state, params)

  return optax.GradientTransformation(at(0).init, update)


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
