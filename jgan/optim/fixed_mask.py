"""Fixed masks, and the pruning between the rounds of lottery tickets.

Iterative magnitude pruning (Frankle & Carbin, 2019; of GANs: Chen et al.,
2021) trains, prunes the smallest of the remaining weights, rewinds the others
to their initial values and trains again:

  tx = fixed_mask(optax.adam(2e-4))
  opt = tx.init(start)
  for kept in ladder(n, rounds=10)[1:]:
    ...                                      # train to the end
    masks = prune_globally(params, masks_of(opt), kept=kept)
    params = zero(start, masks)
    opt = with_masks(tx.init(params), masks)  # a fresh optimizer

Shapes do not change from round to round, so a single compiled step serves all
rounds. The method `lottery` is this loop.
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
    tx: the complete optimizer, with gradient clipping and parameter groups.
    masks: the masks that `init` puts into the state: a tree like the
      parameters, of bools in their shapes, True where a weight is kept. None
      keeps all weights.

  Raises:
    UserError: from init, if a mask and its parameter differ in shape.
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
  """A `fixed_mask` optimizer state with its masks replaced.

  Raises:
    UserError: a mask and its parameter differ in shape.
  """
  shapes, mask_shapes = _shapes(state.masks), _shapes(masks)
  for name in sorted({*shapes, *mask_shapes}):
    if shapes.get(name) != mask_shapes.get(name):
      raise UserError(f"fixed_mask: parameter '{name}' has shape "
                      f'{shapes.get(name, "none")} and its mask '
                      f'{mask_shapes.get(name, "none")}; they must be equal')
  return state._replace(masks=jax.tree.map(lambda m: jnp.asarray(m, bool),
                                           masks))


def prune_globally(params, masks, *, kept, scope='convs', skip=''):
  """Masks that keep the `kept` largest of the weights not yet pruned.

  Magnitudes are compared over all chosen tensors together; of equal ones the
  first are pruned.

  Args:
    params: tree of arrays, the trained parameters.
    masks: tree like params, True where a weight is not yet pruned.
    kept: exact number of weights to keep in the chosen tensors; may be traced.
    scope, skip: which tensors are pruned, as in magnitude.chosen. The papers
      prune convolutions.

  Returns:
    The new masks, a tree like `masks`.

  Raises:
    UserError: `scope` and `skip` choose no tensor.
  """
  picks = jax.tree.leaves(magnitude.chosen(params, scope=scope, skip=skip))
  leaves, tree = jax.tree.flatten(masks)
  weights = jax.tree.leaves(params)
  picked = [i for i, pick in enumerate(picks) if pick]

  join = lambda arrays: jnp.concatenate([arrays[i].ravel() for i in picked])
  alive = join(leaves)
  # In rising order: the weights already pruned, then the smallest magnitudes.
  order = jnp.argsort(jnp.where(alive, jnp.abs(join(weights)), -1.))
  in_top = jnp.arange(alive.size) >= alive.size - kept
  mask = alive & jnp.zeros_like(alive).at[order].set(in_top,
                                                     unique_indices=True)

  first = 0
  for i in picked:
    part = mask[first:first + leaves[i].size]
    leaves[i] = part.reshape(leaves[i].shape)
    first += part.size
  return jax.tree.unflatten(tree, leaves)


def prunable(tree, *, scope='convs', skip=''):
  """List of the prunable leaves of a tree of parameters or of their masks."""
  picks = jax.tree.leaves(magnitude.chosen(tree, scope=scope, skip=skip))
  return [x for x, pick in zip(jax.tree.leaves(tree), picks) if pick]


def ladder(n, *, rounds, rate=.2, target=0.):
  """Numbers of remaining weights, at first and after each round of pruning.

  A round prunes round(rate * remaining) weights; the papers' rate is .2.

  Args:
    n: number of prunable weights.
    rounds: number of pruning rounds.
    rate: in (0, 1).
    target: sparsity in [0, 1) that the last round reaches exactly, by pruning
      at most as much as the rate says; 0 prunes by the rate alone.

  Returns:
    rounds + 1 ints, the first of them n.

  Raises:
    UserError: an impossible value, another number of rounds than the target
      takes, or a round that prunes nothing or leaves nothing.
  """
  if rounds < 1 or not 0. < rate < 1. or not 0. <= target < 1.:
    raise UserError(f'lottery tickets: rounds={rounds}, rate={rate} and target='
                    f'{target}; at least 1, in (0, 1) and in [0, 1) would be '
                    'right')
  if target:
    # The tolerance is for targets that the rate meets exactly, such as .488
    # after 3 rounds of .2.
    needed = math.ceil(math.log(1. - target) / math.log(1. - rate) - 1e-6)
    if needed != rounds:
      raise UserError(f'lottery tickets: rate={rate} reaches target={target} '
                      f'in {needed} rounds, not {rounds}: rounds={needed} '
                      'would be right')
  counts = [n]
  for _ in range(rounds):
    counts.append(counts[-1] - round(rate * counts[-1]))
  if target:
    counts[-1] = n - round(target * n)
  if counts[-1] < 1 or any(a <= b for a, b in itertools.pairwise(counts)):
    raise UserError(f'lottery tickets: of {n} weights {rounds} rounds of rate='
                    f'{rate} keep {counts}; each has to prune some and leave '
                    'some')
  return tuple(counts)


def _shapes(tree):
  """{'/'-joined path: shape} of the leaves."""
  return {jax.tree_util.keystr(path, simple=True, separator='/'): jnp.shape(m)
          for path, m in jax.tree_util.tree_leaves_with_path(tree)}
