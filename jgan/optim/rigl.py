"""RigL (Evci et al., 2020): dynamic sparse training with masks that change.

  tx = rigl(optax.adam(2e-4, b1=0., b2=.9), density=.5, interval=100,
            until=75_000)

After a warm-up, a fixed fraction of every tensor's weights is held at zero to
the end. Every `interval` updates, of the k kept weights of a tensor the
d = floor(f k) with the smallest |w| are dropped, and of the others the d with
the largest gradients grow. With t updates since the warm-up and T = until

  f(t) = drop / 2 (1 + cos(pi t / T)),

and from T on masks no longer change. Gradients are with respect to all
weights, including the masked ones, whose value is zero.

A weight that grows starts at zero, and is updated in the same step. Its Adam
moments are those of an entry with zero gradients for as long as it was masked:
zero, if it always was. The authors skip the update of the weights whenever
masks change, and a weight just dropped may grow again at once; neither is done
here, so exactly d weights are exchanged. All tensors have the same density.

Cost: sorting is done by lax.cond at the updates that change masks only.
"""
import functools
import math

import jax
import jax.numpy as jnp
import optax

from jgan import lookup
from jgan.errors import UserError
from jgan.optim import magnitude, masked
from jgan.optim.masked import SPARSE, WARMUP, Masked


def rigl(tx, *, density=.5, drop=.3, warmup=0, interval=100, until=75_000,
         start='random', scope='kernels', skip='', seed=0):
  """Wraps an optax transformation; the new one has a Masked as its state.

  Intervals count updates of this optimizer.

  Args:
    tx: the complete optimizer, with gradient clipping and parameter groups.
    density: in (0, 1), the fraction of weights to keep:
      1 + floor(density (n - 1)) of a tensor of n.
    drop: in [0, 1], the first f (alpha in the paper).
    warmup: dense updates before the first masks.
    interval: updates between two changes of the masks.
    until: number of updates after the warm-up at which masks stop changing.
    start: the first masks: 'random', or 'magnitude', which keeps the largest
      weights.
    scope, skip: which tensors are masked, as in magnitude.chosen.
    seed: of random masks.

  Raises:
    UserError: an impossible value; from init, if there is nothing to mask.
  """
  _check(density, drop, start, warmup=(warmup, 0), interval=(interval, 1),
         until=(until, 1))
  choose = functools.partial(magnitude.chosen, scope=scope, skip=skip)

  def init(params):
    choose(params)  # raises UserError if there is nothing to mask
    return Masked(tx.init(params), magnitude.all_kept(params),
                  jnp.int32(WARMUP), jnp.int32(0))

  def first_masks(params):
    def mask(pick, w, key):
      if not pick:
        return jnp.ones(w.shape, bool)
      return _largest(STARTS[start](w, key), 1 + int(density * (w.size - 1)))
    return jax.tree.map(mask, choose(params), params, _keys(params, seed))

  def next_masks(params, grads, masks, age):
    exchanged = fraction(age, drop=drop, until=until)
    return jax.tree.map(
        lambda pick, w, g, m: move(w, g, m, exchanged) if pick else m,
        choose(params), params, grads, masks)

  def update(grads, state, params=None, *, lazy=False):
    if params is None:
      raise ValueError('rigl masks parameters: pass them, as in '
                       'update(grads, state, params)')
    if lazy:
      updates, inner = masked.update(tx, grads, state.inner, params,
                                     state.masks)
      return updates, state._replace(inner=inner)
    age = state.count - warmup
    due = (age > 0) & (age % interval == 0) & (age < until)
    masks = jax.lax.cond(age == 0, lambda: first_masks(params),
                         lambda: state.masks)
    masks = jax.lax.cond(due, lambda: next_masks(params, grads, masks, age),
                         lambda: masks)
    updates, inner = masked.update(tx, grads, state.inner, params, masks)
    phase = jnp.where(age < 0, WARMUP, SPARSE).astype(jnp.int32)
    return updates, Masked(inner, masks, phase,
                           optax.safe_increment(state.count))

  return optax.GradientTransformationExtraArgs(init, update)


def fraction(age, *, drop, until):
  """The fraction of kept weights to drop, `age` updates after the warm-up."""
  return drop / 2. * (1. + jnp.cos(math.pi * jnp.minimum(age / until, 1.)))


def move(w, grad, mask, part):
  """Drops and grows weights of one tensor: -> its new mask.

  w, grad, mask: of the same shape; mask is True where a weight is kept.
  part: fraction of the kept weights to exchange, limited to the number of
    masked weights.
  """
  active = jnp.sum(mask)
  count = jnp.minimum(jnp.int32(part * active), mask.size - active)
  survivors = _largest(jnp.where(mask, jnp.abs(w), -1.), active - count)
  return survivors | _largest(jnp.where(mask, -1., jnp.abs(grad)), count)


def _largest(scores, count):
  """Mask of the `count` largest scores; of equal ones, the first."""
  order = jnp.argsort(-scores.ravel(), stable=True)
  chosen = jnp.zeros(scores.size, bool).at[order].set(
      jnp.arange(scores.size) < count)
  return chosen.reshape(scores.shape)


# Scores of the weights; the first masks keep the largest: (w, key) -> scores.
STARTS = {
    'random': lambda w, key: jax.random.permutation(
        key, w.size).reshape(w.shape),
    'magnitude': lambda w, key: jnp.abs(w),
}


def _keys(params, seed):
  """A tree like `params` of random keys."""
  leaves, tree = jax.tree.flatten(params)
  return jax.tree.unflatten(
      tree, list(jax.random.split(jax.random.key(seed), len(leaves))))


def _check(density, drop, start, **minima):
  """Refuses impossible values; minima: {argument: (value, its minimum)}."""
  if not 0. < density < 1.:
    raise UserError(f'rigl: density={density} is not in (0, 1); .5 keeps half '
                    'of the weights')
  if not 0. <= drop <= 1.:
    raise UserError(f'rigl: drop={drop} is not in [0, 1]; the paper has .3')
  if start not in STARTS:
    raise UserError(f"rigl: no start '{start}': "
                    f'{lookup.nearest(start, STARTS)}')
  for name, (value, minimum) in minima.items():
    if value < minimum:
      raise UserError(f'rigl: {name}={value} is below {minimum}')
