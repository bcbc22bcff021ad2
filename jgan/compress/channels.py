"""Channels taken out of a trained network, for good.

A channel is gone where all layers that take it multiply it by zero: pruning
by optim/channels.py leaves such. The network without it makes the same images
from fewer numbers, by less work.
"""
import functools

import jax
import numpy as np

from jgan import lookup
from jgan.errors import UserError
from jgan.layers import norm
from jgan.layers.conv import Conv

_ALONE = norm.batch, norm.instance, norm.none  # each channel by itself


def groups(model):
  """The Groups (ops/channels.py) of a generator, as its field `hidden`.

  model: a linen module.

  Raises:
    UserError: the model has no `channels()`, or convolutions or
      normalisations in which one channel bears on others.
  """
  name = type(model).__module__.rpartition('.')[2]
  if not hasattr(model, 'channels'):
    known = [n for n in lookup.names('models')
             if hasattr(lookup.find('models', n).Generator, 'channels')]
    raise UserError(f"model '{name}' names no channels that it can lose: "
                    f'{lookup.nearest(name, known)}')
  # Of a partial it takes the parts.
  conv, normalise = functools.partial(model.conv), functools.partial(model.norm)
  if conv.func is not Conv or conv.keywords.get('weight'):
    raise UserError(f"{name}: only a generator with conv 'plain', not factored,"
                    ' can lose channels')
  if normalise.func not in _ALONE:
    raise UserError(f"{name}: only with norm 'batch', 'instance' or 'none' can "
                    f'a generator lose channels, not {normalise.func.__name__}')
  return model.channels()


def alive(params, groups):
  """Which channels of each group are taken by any weight: [bool [n]].

  The first one, where none is: a layer without channels is none.
  """
  found = []
  for group in groups:
    taken = [np.any(_kernel(params, layer) != 0, (0, 1, 3))
             for layer in group.takers]
    taken = np.any(taken, 0)
    taken[0] |= not taken.any()
    found.append(taken)
  return found


def narrow(tree, groups, kept):
  """All that belongs to a network, without the channels that are not kept.

  Args:
    tree: arrays under the names of their layers, whatever stands before
      these: parameters, statistics, moments of an optimizer, masks.
    groups: of Group.
    kept: of each, bool [n].
  """
  def cut(path, x):
    layer, _, own = jax.tree_util.keystr(
        path, simple=True, separator='/').rpartition('/')
    x = np.asarray(x)
    for group, keep in zip(groups, kept):
      if _stands_in(layer, group.takers) and own == 'kernel':
        x = x[..., keep, :]
      if _stands_in(layer, group.makers + group.norms):
        x = x[..., keep]
    return np.array(x, order='C')  # what cutting leaves is in another order

  return jax.tree_util.tree_map_with_path(cut, tree)


def _stands_in(path, layers):
  return any(f'/{path}'.endswith(f'/{layer}') for layer in layers)


def _kernel(params, layer):
  for name in layer.split('/'):
    params = params[name]
  return np.asarray(params['kernel'])
