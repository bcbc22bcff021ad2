"""Removal of pruned channels from a trained network.

A channel can be removed if all layers that read it multiply it by zero, as
after pruning by optim/channels.py. The smaller network computes the same
images with fewer parameters and fewer operations.
"""
import functools

import jax
import numpy as np

from jgan import lookup
from jgan.errors import UserError
from jgan.layers import norm
from jgan.layers.conv import Conv

_PER_CHANNEL = norm.batch, norm.instance, norm.none  # no channel affects others


def groups(model):
  """The Groups (ops/channels.py) of a generator, in the order of `hidden`.

  model: a linen module.

  Raises:
    UserError: the model has no `channels()`, convolutions of another kind, or
      a normalisation in which a channel affects others.
  """
  name = type(model).__module__.rpartition('.')[2]
  if not hasattr(model, 'channels'):
    prunable = [n for n in lookup.names('models')
                if hasattr(lookup.find('models', n).Generator, 'channels')]
    raise UserError(f"model '{name}' names no channels that it can lose: "
                    f'{lookup.nearest(name, prunable)}')
  # A partial of a partial is one flat partial.
  conv, normalise = functools.partial(model.conv), functools.partial(model.norm)
  if conv.func is not Conv or conv.keywords.get('weight'):
    raise UserError(f"{name}: only a generator with conv 'plain', not factored,"
                    ' can lose channels')
  if normalise.func not in _PER_CHANNEL:
    raise UserError(f"{name}: only with norm 'batch', 'instance' or 'none' can "
                    f'a generator lose channels, not {normalise.func.__name__}')
  return model.channels()


def alive(params, groups):
  """Masks of the channels in each group with a nonzero weight: [bool [n]].

  If a group has no such channel, its first one is kept: a layer needs at
  least one.
  """
  masks = []
  for group in groups:
    used = np.any([np.any(_kernel(params, layer) != 0, (0, 1, 3))
                   for layer in group.takers], 0)
    used[0] |= not used.any()
    masks.append(used)
  return masks


def narrow(tree, groups, masks):
  """The arrays of a network without the masked channels.

  Args:
    tree: arrays whose paths end in the names of their layers: parameters,
      batch statistics, optimizer moments or pruning masks. A number, as the
      count of an optimizer, stays.
    groups: list of Group.
    masks: for each group bool [n], True where a channel is kept.
  """
  def cut(path, x):
    layer, _, name = jax.tree_util.keystr(
        path, simple=True, separator='/').rpartition('/')
    x = np.asarray(x)
    for group, mask in zip(groups, masks) if x.ndim else ():
      if _ends_in(layer, group.takers) and name == 'kernel':
        x = x[..., mask, :]
      if _ends_in(layer, group.makers + group.norms):
        x = x[..., mask]
    return np.array(x, order='C')  # boolean indexing changes the memory order

  return jax.tree_util.tree_map_with_path(cut, tree)


def _ends_in(path, layers):
  """Whether the path ends in the name of one of the layers."""
  return any(f'/{path}'.endswith(f'/{layer}') for layer in layers)


def _kernel(params, layer):
  for name in layer.split('/'):
    params = params[name]
  return np.asarray(params['kernel'])
