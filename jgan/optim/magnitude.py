"""Magnitude pruning (Han et al., 2015): masks that drop the smallest weights.

A mask is a boolean array of its tensor's shape, True where a weight is kept.
Of n weights, a ratio r prunes k = ceil(r (n - 1)): those whose |w| is strictly
below the k-th smallest |w|, counting from 0. These are the weights below the
linearly interpolated r-quantile of |w|, computed without interpolation. So
weights that tie at the threshold are kept (a tensor of equal values loses
none), as is the only weight of a tensor of one, and pruning again by the same
ratio after the pruned weights were set to zero gives the same mask.
"""
import re

import jax
import jax.numpy as jnp

from jgan import lookup
from jgan.errors import UserError

# Which parameters may be pruned: (name, parameter) -> bool.
SCOPES = {
    'all': lambda name, w: True,
    'kernels': lambda name, w: _is_kernel(name),  # convolutions, dense layers
    'convs': lambda name, w: _is_kernel(name) and w.ndim == 4,
}


def chosen(params, *, scope, skip=''):
  """Which tensors may be pruned: a tree of bools.

  Args:
    params: tree of arrays, or of their shapes.
    scope: all | kernels | convs.
    skip: regular expression; parameters whose '/'-joined names match are not
      chosen. '' skips none.

  Raises:
    UserError: an unknown scope, `skip` is not a regular expression, or no
      tensor is chosen.
  """
  if scope not in SCOPES:
    raise UserError(f"no scope '{scope}' of pruning: "
                    f'{lookup.nearest(scope, SCOPES)}')
  try:
    pattern = re.compile(skip or '(?!)')  # which matches nothing
  except re.error as error:
    raise UserError(f"skip='{skip}' of pruning is no regular expression: "
                    f'{error}') from error

  def choose(path, w):
    name = jax.tree_util.keystr(path, simple=True, separator='/')
    return SCOPES[scope](name, w) and not pattern.search(name)

  choices = jax.tree_util.tree_map_with_path(choose, params)
  if not any(jax.tree.leaves(choices)):
    raise UserError(f"pruning of scope='{scope}' with skip='{skip}' finds no "
                    f'weight among {len(jax.tree.leaves(params))} tensors')
  return choices


def masks(params, *, ratio, scope='all', skip='', threshold='tensor'):
  """Masks of `params` that prune its smallest weights.

  Args:
    params: tree of arrays.
    ratio: in [0, 1), fraction of the weights to prune; may be traced.
    scope, skip: as in `chosen`; tensors not chosen are not pruned.
    threshold: 'tensor' prunes the ratio of each tensor, 'global' of all
      chosen tensors together.

  Raises:
    UserError: as `chosen`, or an unknown threshold.
  """
  if threshold not in THRESHOLDS:
    raise UserError(f"no threshold '{threshold}' of pruning: "
                    f'{lookup.nearest(threshold, THRESHOLDS)}')
  picks = jax.tree.leaves(chosen(params, scope=scope, skip=skip))
  leaves, tree = jax.tree.flatten(params)
  scores = [jnp.abs(w) for w, pick in zip(leaves, picks) if pick]
  thresholds = iter(THRESHOLDS[threshold](scores, ratio))
  mask_leaves = [
      jnp.abs(w) >= next(thresholds) if pick else jnp.ones(w.shape, bool)
      for w, pick in zip(leaves, picks)]
  return jax.tree.unflatten(tree, mask_leaves)


def all_kept(params):
  """Masks that prune nothing."""
  return jax.tree.map(lambda w: jnp.ones(w.shape, bool), params)


def pruned(n, ratio):
  """How many of n distinct weights a ratio prunes: ceil(ratio * (n - 1))."""
  # -(-x // 1) is the exact ceiling, of Python floats and of traced arrays.
  return jnp.asarray(-(-ratio * (n - 1) // 1), jnp.int32)


def _lowest_kept(scores, ratio):
  """The smallest score of a weight that is kept."""
  scores = scores.ravel()
  return jnp.sort(scores)[pruned(scores.size, ratio)]


def _by_tensor(scores, ratio):
  return [_lowest_kept(s, ratio) for s in scores]


def _over_all(scores, ratio):
  lowest = _lowest_kept(jnp.concatenate([s.ravel() for s in scores]), ratio)
  return [lowest] * len(scores)


# The smallest magnitude kept in each tensor: ([scores], ratio) -> [scalar].
THRESHOLDS = {'tensor': _by_tensor, 'global': _over_all}


def _is_kernel(name):
  return name.rpartition('/')[2] == 'kernel'
