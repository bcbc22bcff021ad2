"""Prune-and-grow of Re-GAN (Saxena et al., 2023), around any optimizer.

After a warm-up, sparse phases, in which the smallest weights are held at zero,
alternate with dense phases, in which they grow back and all weights train at a
tenth of the learning rate:

  tx = prune_grow(optax.adam(2e-4, b1=0., b2=.9), ratio=.1, warmup=10_000,
                  interval=5_000)

An update in a sparse phase follows the order of the authors' code: the
gradient is taken at the current parameters, which are still dense at the first
update of the phase; masked weights and gradients are set to zero; the
optimizer steps. In the warm-up, updates are those of the wrapped optimizer.

Momentum. Masked entries have zero gradients, so their Adam moments decay by b1
and b2 per update. This has two consequences. With b1 > 0 the authors' masked
weights would drift on old momentum until the next masking; here they stay
zero (masked.py). And the second moment of a weight that grows back is small:
its first step is (1 - b1) / sqrt(1 - b2) times an ordinary one, 3.16 with
b1 = 0 and b2 = .9, which grow_factor tempers. The momentum that remains by
then is harmless: divided by the square root of the second moment, it shrinks
by b1 / sqrt(b2) per update, which is below 1 wherever Adam is used (.5 against
.95 or more), so it vanishes over an interval of hundreds of updates.

Cost: two selections and a multiplication per weight at every update.
Sorting, which finds the thresholds, is done at the first update of a sparse
phase only, by lax.cond. With the 4.3 million weights of SN-GAN on two busy CPU
cores, sorting took 2.5 s, and all other updates some 5 ms more than plain
Adam's. A vmap over the state would turn the cond into a select, and sort at
every update.
"""
import functools

import jax
import jax.numpy as jnp
import optax

from jgan.errors import UserError
from jgan.optim import magnitude, masked
from jgan.optim.masked import DENSE, SPARSE, WARMUP, Masked


def prune_grow(tx, *, ratio=.1, warmup=10_000, interval=5_000, first_extra=0,
               grow_factor=.1, sparse_factor=1., reinit=False, scope='all',
               skip='', threshold='tensor', refresh=0, seed=0):
  """Wraps an optax transformation; the new one has a Masked as its state.

  Intervals count updates of this optimizer. Masks stay fixed through a sparse
  phase and the dense phase after it.

  Args:
    tx: the complete optimizer, with gradient clipping and parameter groups.
    ratio: in [0, 1), the fraction of weights to prune; or a schedule, count ->
      ratio, evaluated at the first update of each sparse phase.
    warmup: updates before the first sparse phase.
    interval: updates of a phase (g in the paper).
    first_extra: further updates of the first sparse phase; 1 in the authors'
      StyleGAN2.
    grow_factor: > 0, multiplies the updates in dense phases.
    sparse_factor: > 0, multiplies the updates in sparse phases, but not those
      of `first_extra`, which come first.
    reinit: pruned weights grow back from normal random values, with the root
      mean square of the tensor's kept weights as their standard deviation,
      instead of zero (ablation RI of the paper).
    scope: which weights may be pruned: all | kernels | convs. The paper's code
      prunes all, including biases and normalisation parameters.
    skip: regular expression of names not to prune, 'to_rgb' in StyleGAN2.
    threshold: tensor | global (magnitude.py).
    refresh: updates between two computations of the masks within a phase; 0
      computes them once. The paper's code prunes again every epoch, or every
      update, but that changes masks only where weights were tied when the
      phase began, such as biases that had not moved from zero.
    seed: of the random values of `reinit`, with the number of the update.

  Raises:
    UserError: an impossible value; from init, if there is nothing to prune.
  """
  prune = functools.partial(magnitude.masks, scope=scope, skip=skip,
                            threshold=threshold)
  return alternate(tx, prune, ratio=ratio, warmup=warmup, interval=interval,
                   first_extra=first_extra, grow_factor=grow_factor,
                   sparse_factor=sparse_factor, reinit=reinit, refresh=refresh,
                   seed=seed)


def alternate(tx, prune, *, ratio, warmup, interval, first_extra=0,
              grow_factor=.1, sparse_factor=1., reinit=False, refresh=0,
              seed=0):
  """`prune_grow` with another function that computes the masks.

  Args:
    prune: (params, ratio=) -> masks, such as magnitude.masks.
    tx and the other arguments: as in `prune_grow`.
  """
  _check(ratio, grow_factor, sparse_factor, warmup=(warmup, 0),
         interval=(interval, 1), first_extra=(first_extra, 0),
         refresh=(refresh, 0))
  phase_at = functools.partial(calendar, warmup=warmup, interval=interval,
                               first_extra=first_extra)

  def init(params):
    # Raises UserError if there is nothing to prune.
    jax.eval_shape(functools.partial(prune, ratio=0.), params)
    return Masked(tx.init(params), magnitude.all_kept(params),
                  jnp.int32(WARMUP), jnp.int32(0))

  def step(grads, state, params, number):
    """The update of a number, by the masks and the phase of the state."""
    factor = jnp.where(state.phase == DENSE, grow_factor, jnp.where(
        (state.phase == SPARSE) & (number >= warmup + first_extra),
        sparse_factor, 1.))
    applied = jax.tree.map(lambda m: m | (state.phase != SPARSE), state.masks)
    updates, inner = masked.update(tx, grads, state.inner, params, applied,
                                   factor)
    return updates, state._replace(inner=inner)

  def update(grads, state, params=None, *, lazy=False):
    if params is None:
      raise ValueError('prune_grow prunes parameters: pass them, as in '
                       'update(grads, state, params)')
    if lazy:
      return step(grads, state, params, state.count - 1)
    phase, age = phase_at(state.count)
    phase_ratio = ratio(state.count - age) if callable(ratio) else ratio
    due = age % refresh == 0 if refresh else age == 0
    masks = jax.lax.cond((phase == SPARSE) & due,
                         lambda: prune(params, ratio=phase_ratio),
                         lambda: state.masks)
    updates, new = step(grads, state._replace(masks=masks, phase=phase),
                        params, state.count)
    if reinit:
      key = jax.random.fold_in(jax.random.key(seed), state.count)
      updates = jax.lax.cond((phase == DENSE) & (age == 0),
                             lambda: _redraw(updates, params, masks, key),
                             lambda: updates)
    return updates, new._replace(count=optax.safe_increment(state.count))

  return optax.GradientTransformationExtraArgs(init, update)


def calendar(step, *, warmup, interval, first_extra=0):
  """The phase of an update, and its age: previous updates in that phase.

  The first `warmup` updates are WARMUP; then SPARSE and DENSE phases of
  `interval` updates alternate, the first SPARSE `first_extra` longer.

  step: int32, number of previous updates; may be an array.
  """
  step = jnp.asarray(step, jnp.int32)
  since_warmup = step - warmup
  shifted = jnp.maximum(since_warmup - first_extra, 0)
  index = shifted // interval
  phase = jnp.where(since_warmup < 0, WARMUP,
                    jnp.where(index % 2, DENSE, SPARSE))
  age = jnp.where(since_warmup < 0, step,
                  jnp.where(index, shifted % interval, since_warmup))
  return phase.astype(jnp.int32), age


def _redraw(updates, params, masks, key):
  """Adds N(0, mean square of the kept weights) to the pruned weights."""
  leaves, tree = jax.tree.flatten(params)
  keys = jax.tree.unflatten(tree, list(jax.random.split(key, len(leaves))))

  def draw(u, p, m, key):
    # A global threshold may prune all weights of a tensor.
    count = jnp.maximum(m.sum(), 1)
    std = jnp.sqrt(jnp.sum(jnp.where(m, p, 0)**2) / count)
    return jnp.where(m, u, u + std * jax.random.normal(key, p.shape, p.dtype))

  return jax.tree.map(draw, updates, params, masks, keys)


def _check(ratio, grow_factor, sparse_factor, **minima):
  """Refuses impossible values; minima: {argument: (value, its minimum)}."""
  if not callable(ratio) and not 0. <= ratio < 1.:
    raise UserError(f'prune_grow: ratio={ratio} is not in [0, 1); .1 prunes a '
                    'tenth of the weights')
  for name, factor, usual in (('grow_factor', grow_factor, '.1'),
                              ('sparse_factor', sparse_factor, '1')):
    if not factor > 0.:
      raise UserError(f'prune_grow: {name}={factor} is not positive: phases '
                      f'would train nothing; the paper has {usual}')
  for name, (value, minimum) in minima.items():
    if value < minimum:
      raise UserError(f'prune_grow: {name}={value} is below {minimum}')
