"""Weights held at zero by an optimizer: its state, its update, what it tells.

The masks live in the optimizer's state, so they are saved, placed on devices
and restored with it, and no step or loop knows of them.
"""
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

WARMUP, SPARSE, DENSE = range(3)
"""The phases; only in a sparse one are masks in force."""


class Masked(NamedTuple):
  """The state of an optimizer that masks weights.

  Attributes:
    inner: state of the optimizer inside.
    masks: tree like the parameters, True where a weight is kept. In a dense
      phase those of the sparse phase before.
    phase: int32 scalar, of the last update: it tells what the parameters are.
    count: int32 scalar, updates so far, where a calendar counts them.
  """
  inner: Any
  masks: Any
  phase: jax.Array
  count: Any = ()


def update(tx, grads, inner, params, keep):
  """An update of `tx` that lands on zero wherever `keep` is False.

  The optimizer inside sees a gradient of zero there, so its moments decay and
  its norms (clipping) are of the weights that live. Where its update would
  move a masked weight all the same, by momentum of before, it is rewritten:
  u <- keep (p + u) - p, which is u or -p, exactly.

  Returns updates and the new inner state.
  """
  grads = jax.tree.map(lambda k, g: jnp.where(k, g, 0), keep, grads)
  updates, inner = tx.update(grads, inner, params)
  return jax.tree.map(lambda k, u, p: jnp.where(k, u, -p),
                      keep, updates, params), inner


def zero(params, masks):
  """`params` with zeros where the masks prune."""
  return jax.tree.map(lambda p, m: jnp.where(m, p, 0), params, masks)


def masks_of(opt_state):
  """The masks in the state of any optimizer, or None if it masks nothing.

  It may be a chain or partition of which a part masks; parameters that no
  such part has are True.
  """
  found = [state.masks for state in _find(opt_state)]
  if not found:
    return None
  gap = lambda x: isinstance(x, optax.MaskedNode)  # of another group
  merge = lambda *masks: next((m for m in masks if not gap(m)), True)
  return jax.tree.map(merge, *found, is_leaf=gap)


def phase_of(opt_state):
  """The phase of the last update, an int32 scalar, or None as `masks_of`."""
  return next((state.phase for state in _find(opt_state)), None)


def sparse(params, opt_state):
  """`params`, zero at the masks if these are in force; else as they are.

  For copies of the parameters, such as their average: in a sparse phase they
  are to be as sparse as what they were copied from.
  """
  masks, phase = masks_of(opt_state), phase_of(opt_state)
  if masks is None:
    return params
  return zero(params, jax.tree.map(lambda m: m | (phase != SPARSE), masks))


def report(opt_state):
  """Scalars to log: {'phase', 'density'}, or {} if nothing is masked.

  The density is the kept fraction of all parameters that a part which masks
  has, 1 while no mask is in force.
  """
  found = _find(opt_state)
  if not found:
    return {}
  masks = jax.tree.leaves([state.masks for state in found])
  kept = sum(m.sum() for m in masks) / sum(m.size for m in masks)
  phase = found[0].phase
  return {'phase': phase.astype(jnp.float32),
          'density': jnp.where(phase == SPARSE, kept, 1.)}


def _find(opt_state):
  is_masked = lambda x: isinstance(x, Masked)
  return [x for x in jax.tree.leaves(opt_state, is_leaf=is_masked)
          if is_masked(x)]
