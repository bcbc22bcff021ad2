"""Prune-and-grow of Re-GAN (Saxena et al., 2023), around any optimizer.

After a warm-up, sparse phases, in which the smallest weights are held at zero,
take turns with dense ones, in which they grow back at a tenth of the rate:

  tx = prune_grow(optax.adam(2e-4, b1=0., b2=.9), ratio=.1, warmup=10_000,
                  interval=5_000)

In a sparse phase an update does what the authors' code does, in its order: the
gradient is that of the parameters as they are, dense still at the first update
of the phase; weights and gradients are zeroed at the masks; the optimizer
steps. In a warm-up updates are those of the optimizer inside.

Momentum. Masked entries see zero gradients, so Adam's moments of them decay,
by b1 and b2 an update. Two things follow. With b1 > 0 the authors' masked
weights would drift on old momentum until the next masking; here they stay
zero (masked.py). And the second moment of a weight that grows back is small:
its first step is (1 - b1) / sqrt(1 - b2) times a common one, 3.16 with b1 = 0
and b2 = .9, which grow_factor tempers. What is left of the momentum by then
is no danger: divided by the root of the second moment it has shrunk by
b1 / sqrt(b2) an update, which is below 1 wherever Adam is used (.5 against
.95 or more), and to nothing over an interval of hundreds.

Cost: two selections and a multiplication per weight at every update.
Sorting, which finds thresholds, happens at the first update of a sparse phase
only, by lax.cond. With the 4.3 million weights of SN-GAN on two busy CPU cores
that took 2.5 s, and all other updates some 5 ms more than plain Adam's. A vmap
over the state would turn the cond into a select, which sorts at every update.
"""
import functools

import jax
import jax.numpy as jnp
import optax

from jgan.errors import UserError
from jgan.optim import magnitude, masked
from jgan.optim.masked import DENSE, SPARSE, WARMUP, Masked


def prune_grow(tx, *, ratio=.1, warmup=10_000, interval=5_000, first_extra=0,
               grow_factor=.1, reinit=False, scope='all', skip='',
               threshold='tensor', refresh=0, seed=0):
  """Wraps an optax transformation: -> one whose state is a Masked.

  Intervals count updates of this optimizer. Masks stay what they are through
  a phase and into the dense one after it.

  Args:
    tx: the whole optimizer, with its clipping and groups.
    ratio: in [0, 1), the part of weights to prune; or a schedule, count ->
      ratio, of which a sparse phase takes the value at its first update.
    warmup: updates before the first sparse phase.
    interval: updates of a phase (g in the paper).
    first_extra: how many more the first sparse phase has; 1 is the authors'
      StyleGAN2.
    grow_factor: > 0, on the updates in dense phases.
    reinit: pruned weights grow back from normal draws, as wide as the tensor's
      kept weights, instead of zero (the paper's ablation RI).
    scope: which weights may be pruned: all | kernels | convs. The paper's code
      prunes all, biases and normalisation too.
    skip: regular expression of names to leave out, 'to_rgb' in StyleGAN2.
    threshold: tensor | global (magnitude.py).
    refresh: updates between two pruning passes within a phase, 0 for none but
      the first. The paper's code prunes again every epoch, or update, but
      that changes masks only where weights were tied when the phase began,
      such as biases that had not moved from zero.
    seed: of the draws of `reinit`, which depend on it and on the update.

  Raises:
    UserError: an impossible value; from init, if there is nothing to prune.
  """
  prune = functools.partial(magnitude.masks, scope=scope, skip=skip,
                            threshold=threshold)
  return alternate(tx, prune, ratio=ratio, warmup=warmup, interval=interval,
                   first_extra=first_extra, grow_factor=grow_factor,
                   reinit=reinit, refresh=refresh, seed=seed)


def alternate(tx, prune, *, ratio, warmup, interval, first_extra=0,
              grow_factor=.1, reinit=False, refresh=0, seed=0):
  """The same with masks of any kind.

  Args:
    prune: (params, ratio=) -> masks, as magnitude.masks.
    tx, and the others: as in `prune_grow`.
  """
  _check(ratio, grow_factor, warmup=(warmup, 0), interval=(interval, 1),
         first_extra=(first_extra, 0), refresh=(refresh, 0))
  now = functools.partial(calendar, warmup=warmup, interval=interval,
                          first_extra=first_extra)

  def init(params):
    jax.eval_shape(functools.partial(prune, ratio=0.), params)  # or refuse
    return Masked(tx.init(params), magnitude.all_kept(params),
                  jnp.int32(WARMUP), jnp.int32(0))

  def update(grads, state, params=None):
    if params is None:
      raise ValueError('prune_grow prunes parameters: pass them, as in '
                       'update(grads, state, params)')
    phase, age = now(state.count)
    part = ratio(state.count - age) if callable(ratio) else ratio
    due = age % refresh == 0 if refresh else age == 0
    masks = jax.lax.cond((phase == SPARSE) & due,
                         lambda: prune(params, ratio=part),
                         lambda: state.masks)
    keep = jax.tree.map(lambda m: m | (phase != SPARSE), masks)
    updates, inner = masked.update(tx, grads, state.inner, params, keep)
    # In a sparse phase the factor is 1, so that updates land on zero still.
    factor = jnp.where(phase == DENSE, grow_factor, 1.)
    updates = jax.tree.map(lambda u: u * factor.astype(u.dtype), updates)
    if reinit:
      key = jax.random.fold_in(jax.random.key(seed), state.count)
      updates = jax.lax.cond((phase == DENSE) & (age == 0),
                             lambda: _redraw(updates, params, masks, key),
                             lambda: updates)
    return updates, Masked(inner, masks, phase,
                           optax.safe_increment(state.count))

  return optax.GradientTransformation(init, update)


def calendar(step, *, warmup, interval, first_extra=0):
  """The phase of an update, and its age: how many the phase had before it.

  step: int32, updates made before this one; may be an array. The first
    `warmup` are WARMUP, then SPARSE and DENSE have `interval` each in turn,
    the first SPARSE `first_extra` more.
  """
  step = jnp.asarray(step, jnp.int32)
  since = step - warmup
  late = jnp.maximum(since - first_extra, 0)
  turn = late // interval
  phase = jnp.where(since < 0, WARMUP, jnp.where(turn % 2, DENSE, SPARSE))
  age = jnp.where(since < 0, step, jnp.where(turn, late % interval, since))
  return phase.astype(jnp.int32), age


def _redraw(updates, params, masks, key):
  """Adds N(0, mean square of the kept weights) to what was pruned."""
  leaves, tree = jax.tree.flatten(params)
  keys = jax.tree.unflatten(tree, list(jax.random.split(key, len(leaves))))

  def draw(u, p, m, key):
    kept = jnp.maximum(m.sum(), 1)  # a global threshold may leave a tensor none
    width = jnp.sqrt(jnp.sum(jnp.where(m, p, 0)**2) / kept)
    return jnp.where(m, u, u + width * jax.random.normal(key, p.shape, p.dtype))

  return jax.tree.map(draw, updates, params, masks, keys)


def _check(ratio, grow_factor, **least):
  if not callable(ratio) and not 0. <= ratio < 1.:
    raise UserError(f'prune_grow: ratio={ratio} is not in [0, 1); .1 prunes a '
                    'tenth of the weights')
  if not grow_factor > 0.:
    raise UserError(f'prune_grow: grow_factor={grow_factor} is not positive: '
                    'dense phases would train nothing; the paper has .1')
  for name, (value, low) in least.items():
    if value < low:
      raise UserError(f'prune_grow: {name}={value} is below {low}')
