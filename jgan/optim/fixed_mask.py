"""Fixed masks, and the pruning between the rounds of lottery tickets.

Iterative magnitude pruning (Frankle & Carbin, 2019; of GANs: Chen et al.,
2021) trains, prunes the smallest of the remaining weights, goes back to the
first ones and trains what remains:

  tx = fixed_mask(optax.adam(2e-4))
  opt = tx.init(start)
  for kept in ladder(n, rounds=10)[1:]:
    ...                                      # train to the end
    masks = prune_globally(params, masks_of(opt), kept=kept)
    params = zero(start, masks)
    opt = with_masks(tx.init(params), masks)  # a fresh optimizer

Shapes do not change from round to round, so the compiled step serves all. The
method `lottery` is this loop.
"""
import itertools
import math

import jax
import jax.numpy as jnp
import optax

from jgan.errors import UserError
from jgan.optim import magnitude, masked
from jgan.optim.masked import SPARSE, Masked


def fixed_mask(tx, masks=None):
  """Wraps an optax transformation: weights outside the masks stay at zero.

  Args:
    tx: the whole optimizer, with its clipping and groups.
    masks: what `init` puts into the state: a tree like the parameters, of
      bools in their shapes, True where a weight is kept. None: all kept.

  Raises:
    UserError: from init, if a mask has not the shape of its parameter.
  """

  def init(params):
    state = Masked(tx.init(params), magnitude.all_kept(params),
                   jnp.int32(SPARSE))
    return state if masks is None else with_masks(state, masks)

  def update(grads, state, params=None):
    if params is None:
      raise ValueError('fixed_mask masks parameters: pass them, as in '
                       'update(grads, state, params)')
    updates, inner = masked.update(tx, grads, state.inner, params, state.masks)
    return updates, state._replace(inner=inner)

  return optax.GradientTransformation(init, update)


def with_masks(state, masks):
  """The state of a `fixed_mask` with other masks.

  Raises:
    UserError: a mask has not the shape of its parameter.
  """
  shapes, given = _shapes(state.masks), _shapes(masks)
  for name in sorted({*shapes, *given}):
    if shapes.get(name) != given.get(name):
      raise UserError(f"fixed_mask: parameter '{name}' has shape "
                      f'{shapes.get(name, "none")} and its mask '
                      f'{given.get(name, "none")}; they must be equal')
  return state._replace(masks=jax.tree.map(lambda m: jnp.asarray(m, bool),
                                           masks))


def prune_globally(params, masks, *, kept, scope='convs', skip=''):
  """Masks that keep the largest of the weights that remain.

  All others go, the smallest of all chosen tensors together; of equal ones
  the first.

  Args:
    params: tree of arrays, trained.
    masks: tree like params, True where a weight remains.
    kept: how many of the chosen weights, exactly; may be traced.
    scope, skip: which tensors are pruned, as in magnitude.chosen. The papers
      prune convolutions.

  Raises:
    UserError: nothing is chosen.
  """
  picks = jax.tree.leaves(magnitude.chosen(params, scope=scope, skip=skip))
  leaves, tree = jax.tree.flatten(masks)
  weights = jax.tree.leaves(params)
  picked = [i for i, pick in enumerate(picks) if pick]

  join = lambda arrays: jnp.concatenate([arrays[i].ravel() for i in picked])
  alive = join(leaves)
  # What is pruned already comes first, then the smallest.
  order = jnp.argsort(jnp.where(alive, jnp.abs(join(weights)), -1.))
  stays = jnp.arange(alive.size) >= alive.size - kept
  keep = alive & jnp.zeros_like(alive).at[order].set(stays, unique_indices=True)

  first = 0
  for i in picked:
    part = keep[first:first + leaves[i].size]
    leaves[i] = part.reshape(leaves[i].shape)
    first += part.size
  return jax.tree.unflatten(tree, leaves)


def prunable(tree, *, scope='convs', skip=''):
  """The leaves of parameters, or of their masks, that may be pruned: a list."""
  picks = jax.tree.leaves(magnitude.chosen(tree, scope=scope, skip=skip))
  return [x for x, pick in zip(jax.tree.leaves(tree), picks) if pick]


def ladder(n, *, rounds, rate=.2, target=0.):
  """How many of n weights remain before and after each round: rounds + 1 ints.

  A round prunes round(rate * remaining) of them, .2 in the papers.

  Args:
    n: weights that may be pruned.
    rounds: of pruning.
    rate: in (0, 1).
    target: sparsity in [0, 1) that the last round reaches exactly, pruning
      less than the rate or as much; 0: by the rate alone.

  Raises:
    UserError: an impossible value, more or fewer rounds than the target takes,
      or a round with nothing to prune or nothing left.
  """
  if rounds < 1 or not 0. < rate < 1. or not 0. <= target < 1.:
    raise UserError(f'lottery tickets: rounds={rounds}, rate={rate} and target='
                    f'{target}; at least 1, in (0, 1) and in [0, 1) would be '
                    'right')
  if target:
    # The tolerance is for targets on the ladder itself: .488 in 3 rounds of .2.
    takes = math.ceil(math.log(1. - target) / math.log(1. - rate) - 1e-6)
    if takes != rounds:
      raise UserError(f'lottery tickets: rate={rate} reaches target={target} '
                      f'in {takes} rounds, not {rounds}: rounds={takes} would '
                      'be right')
  kept = [n]
  for _ in range(rounds):
    kept.append(kept[-1] - round(rate * kept[-1]))
  if target:
    kept[-1] = n - round(target * n)
  if kept[-1] < 1 or any(a <= b for a, b in itertools.pairwise(kept)):
    raise UserError(f'lottery tickets: of {n} weights {rounds} rounds of rate='
                    f'{rate} keep {kept}; each has to prune some and leave '
                    'some')
  return tuple(kept)


def _shapes(tree):
  return {jax.tree_util.keystr(path, simple=True, separator='/'): jnp.shape(m)
          for path, m in jax.tree_util.tree_leaves_with_path(tree)}
