"""RigL (Evci et al., 2020): sparse from the start, with masks that move.

  tx = rigl(optax.adam(2e-4, b1=0., b2=.9), density=.5, interval=100,
            until=75_000)

After a warm-up, a part of every tensor's weights is held at zero to the end.
Every `interval` updates, of the k kept weights of a tensor the d = floor(f k)
with the smallest |w| are dropped, and d of the others grow, those with the
largest gradients. With t updates since the warm-up and T = until

  f(t) = drop / 2 (1 + cos(pi t / T)),

and from T on masks stand still. Gradients are of dense weights, of which the
masked ones happen to be zero.

A weight that grows starts at zero, and moves in the same update. Its moments
are those of an entry that saw zero gradients for as long as it was masked:
zero, if it always was. The authors skip the step of the weights whenever masks
move and let what was just dropped grow again at once; here neither is done, so
exactly d weights change their place. Densities are the same in all tensors.

Cost: sorting happens at the updates that move masks only, by lax.cond.
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
  """Wraps an optax transformation: -> one whose state is a Masked.

  Intervals count updates of this optimizer.

  Args:
    tx: the whole optimizer, with its clipping and groups.
    density: in (0, 1), the part of weights to keep: 1 + floor(density (n - 1))
      of a tensor of n.
    drop: in [0, 1], the first f (alpha in the paper).
    warmup: dense updates before the first masks.
    interval: updates from one move of the masks to the next.
    until: updates after the warm-up from which on masks stand still.
    start: the first masks: random, or magnitude: without the smallest weights.
    scope, skip: which tensors are masked, as in magnitude.chosen.
    seed: of random masks.

  Raises:
    UserError: an impossible value; from init, if there is nothing to mask.
  """
  _check(density, drop, start, warmup=(warmup, 0), interval=(interval, 1),
         until=(until, 1))
  choose = functools.partial(magnitude.chosen, scope=scope, skip=skip)

  def init(params):
    choose(params)  # or refuse
    return Masked(tx.init(params), magnitude.all_kept(params),
                  jnp.int32(WARMUP), jnp.int32(0))

  def begun(params):
    def one(pick, w, key):
      if not pick:
        return jnp.ones(w.shape, bool)
      return _largest(STARTS[start](w, key), 1 + int(density * (w.size - 1)))
    return jax.tree.map(one, choose(params), params, _keys(params, seed))

  def moved(params, grads, masks, age):
    part = fraction(age, drop=drop, until=until)
    return jax.tree.map(
        lambda pick, w, g, m: move(w, g, m, part) if pick else m,
        choose(params), params, grads, masks)

  def update(grads, state, params=None):
    if params is None:
      raise ValueError('rigl masks parameters: pass them, as in '
                       'update(grads, state, params)')
    age = state.count - warmup
    due = (age > 0) & (age % interval == 0) & (age < until)
    masks = jax.lax.cond(age == 0, lambda: begun(params), lambda: state.masks)
    masks = jax.lax.cond(due, lambda: moved(params, grads, masks, age),
                         lambda: masks)
    updates, inner = masked.update(tx, grads, state.inner, params, masks)
    phase = jnp.where(age < 0, WARMUP, SPARSE).astype(jnp.int32)
    return updates, Masked(inner, masks, phase,
                           optax.safe_increment(state.count))

  return optax.GradientTransformation(init, update)


def fraction(age, *, drop, until):
  """The part of the kept weights to drop, `age` updates after the warm-up."""
  return drop / 2. * (1. + jnp.cos(math.pi * jnp.minimum(age / until, 1.)))


def move(w, grad, mask, part):
  """The mask of one tensor after a move.

  w, grad, mask: of one shape; mask is True where a weight is kept.
  part: of the kept weights to exchange; no more than there are others.
  """
  kept = jnp.sum(mask)
  count = jnp.minimum(jnp.int32(part * kept), mask.size - kept)
  stay = _largest(jnp.where(mask, jnp.abs(w), -1.), kept - count)
  return stay | _largest(jnp.where(mask, -1., jnp.abs(grad)), count)


def _largest(scores, count):
  """True at the `count` largest; of equal ones, the first."""
  order = jnp.argsort(-scores.ravel(), stable=True)
  chosen = jnp.zeros(scores.size, bool).at[order].set(
      jnp.arange(scores.size) < count)
  return chosen.reshape(scores.shape)


# What the first masks keep the largest of: (weights, key) -> scores.
STARTS = {
    'random': lambda w, key: jax.random.permutation(
        key, w.size).reshape(w.shape),
    'magnitude': lambda w, key: jnp.abs(w),
}


def _keys(params, seed):
  leaves, tree = jax.tree.flatten(params)
  return jax.tree.unflatten(
      tree, list(jax.random.split(jax.random.key(seed), len(leaves))))


def _check(density, drop, start, **least):
  if not 0. < density < 1.:
    raise UserError(f'rigl: density={density} is not in (0, 1); .5 keeps half '
                    'of the weights')
  if not 0. <= drop <= 1.:
    raise UserError(f'rigl: drop={drop} is not in [0, 1]; the paper has .3')
  if start not in STARTS:
    raise UserError(f"rigl: no start '{start}': "
                    f'{lookup.nearest(start, STARTS)}')
  for name, (value, low) in least.items():
    if value < low:
      raise UserError(f'rigl: {name}={value} is below {low}')
