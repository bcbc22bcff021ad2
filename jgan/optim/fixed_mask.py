"""Fixed masks, and the pruning between the rounds of lottery tickets.

Iterative magnitude pruning (Frankle & Carbin, 2019; of GANs: Chen et al.,
2021) trains, prunes the smallest of the remaining weights, goes back to the
first ones and trains what remains:

  tx = fixed_mask(optax.adam(2e-4))
  opt = tx.init(start)
  ...                                      # train to the end
  masks = prune_globally(params, masks_of(opt), rate=.2)
  params = zero(start, masks)
  opt = with_masks(tx.init(params), masks)  # a fresh optimizer; train again

Shapes do not change from round to round, so the compiled step serves all.
"""
import jax
import jax.numpy as jnp
import numpy as np
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


def prune_globally(params, masks, *, rate=.2, scope='convs', skip=''):
  """Masks without the smallest of the weights that remain, on the host.

  Exactly round(rate * remaining) weights go, the smallest of all chosen
  tensors together; of equal ones the first.

  Args:
    params: tree of arrays, trained.
    masks: tree like params, True where a weight remains.
    rate: in (0, 1), of the remaining chosen weights; .2 in the papers.
    scope, skip: which tensors are pruned, as in magnitude.chosen. The papers
      prune convolutions.

  Raises:
    UserError: `rate` is not in (0, 1), or nothing is chosen.
  """
  if not 0. < rate < 1.:
    raise UserError(f'prune_globally: rate={rate} is not in (0, 1); .2 prunes '
                    'a fifth of what remains')
  picks = jax.tree.leaves(magnitude.chosen(params, scope=scope, skip=skip))
  leaves, tree = jax.tree.flatten(jax.device_get(masks))
  weights = jax.tree.leaves(jax.device_get(params))
  picked = [i for i, pick in enumerate(picks) if pick]

  keep = np.concatenate([leaves[i].ravel() for i in picked])
  scores = np.abs(np.concatenate([weights[i].ravel() for i in picked]))
  remaining = np.flatnonzero(keep)
  order = np.argsort(scores[remaining], kind='stable')
  keep[remaining[order[:round(rate * remaining.size)]]] = False

  ends = np.cumsum([leaves[i].size for i in picked])
  for i, part in zip(picked, np.split(keep, ends[:-1])):
    leaves[i] = part.reshape(leaves[i].shape)
  return jax.tree.map(jnp.asarray, jax.tree.unflatten(tree, leaves))


def _shapes(tree):
  return {jax.tree_util.keystr(path, simple=True, separator='/'): jnp.shape(m)
          for path, m in jax.tree_util.tree_leaves_with_path(tree)}
