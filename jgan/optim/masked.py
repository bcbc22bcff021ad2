"""Optimizers that hold pruned weights at zero: state, update and metrics.

The masks are part of the optimizer state, so they are saved, placed on devices
and restored with it; training steps and the loop need no code for them.
"""
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

WARMUP, SPARSE, DENSE = range(3)
"""The phases of pruning. Masks are applied in sparse phases only."""


class Masked(NamedTuple):
  """The state of an optimizer that masks weights.

  Attributes:
    inner: state of the wrapped optimizer.
    masks: tree like the parameters, True where a weight is kept. In a dense
      phase, the masks of the preceding sparse phase.
    phase: int32 scalar, the phase of the last update, so it says whether the
      parameters are sparse.
    count: int32 scalar, number of updates; () where no calendar needs it.
  """
  inner: Any
  masks: Any
  phase: jax.Array
  count: Any = ()


def update(tx, grads, inner, params, masks, factor=1.):
  """An update of `tx` after which weights are zero where a mask is False.

  factor: multiplies the updates of the other weights.

  The wrapped optimizer sees a gradient of zero there, so its moments decay,
  and gradient clipping takes the norm of the unmasked weights only. Left-over
  momentum could still move a masked weight, so its update is replaced:
  u <- m (p + u) - p, which is exactly u or -p.

  Returns updates and the new inner state.
  """
  grads = jax.tree.map(lambda m, g: jnp.where(m, g, 0), masks, grads)
  updates, inner = tx.update(grads, inner, params)
  return jax.tree.map(
      lambda m, u, p: jnp.where(m, u * jnp.asarray(factor, u.dtype), -p),
      masks, updates, params), inner


def zero(params, masks):
  """`params` with zeros where a mask is False."""
  return jax.tree.map(lambda p, m: jnp.where(m, p, 0), params, masks)


def masks_of(opt_state):
  """The masks in the state of any optimizer, or None if it masks nothing.

  The optimizer may be an optax chain or partition with masks in some of its
  parts; the mask of a parameter that belongs to no masking part is True.
  """
  trees = [state.masks for state in _masked_states(opt_state)]
  if not trees:
    return None
  # A partition puts MaskedNode where a parameter belongs to another group.
  is_gap = lambda x: isinstance(x, optax.MaskedNode)
  merge = lambda *masks: next((m for m in masks if not is_gap(m)), True)
  return jax.tree.map(merge, *trees, is_leaf=is_gap)


def phase_of(opt_state):
  """The phase of the last update, an int32 scalar, or None as `masks_of`."""
  return next((state.phase for state in _masked_states(opt_state)), None)


def sparse(params, opt_state):
  """`params` with the masks applied in a sparse phase, else unchanged.

  For copies of the parameters, such as their moving average: in a sparse
  phase they have to be as sparse as the parameters themselves.
  """
  masks, phase = masks_of(opt_state), phase_of(opt_state)
  if masks is None:
    return params
  return zero(params, jax.tree.map(lambda m: m | (phase != SPARSE), masks))


def report(opt_state):
  """Scalars to log: {'phase', 'density'}, or {} if nothing is masked.

  The density is the unmasked fraction of all parameters that masking parts of
  the optimizer update; 1 outside sparse phases.
  """
  states = _masked_states(opt_state)
  if not states:
    return {}
  masks = jax.tree.leaves([state.masks for state in states])
  density = sum(m.sum() for m in masks) / sum(m.size for m in masks)
  phase = states[0].phase
  return {'phase': phase.astype(jnp.float32),
          'density': jnp.where(phase == SPARSE, density, 1.)}


def _masked_states(opt_state):
  """Every Masked inside an optimizer state: a list."""
  is_masked = lambda x: isinstance(x, Masked)
  return [x for x in jax.tree.leaves(opt_state, is_leaf=is_masked)
          if is_masked(x)]
