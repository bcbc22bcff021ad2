"""What the networks of searched cells share: fields, their first and last
layers, and what makes them super-networks.

The functions are called inside a compact method of `model`, a linen module.
The layers they make are its own; its fields are their parts. `initializer` is
of convolutions and normalisations: dense layers start as PyTorch draws them,
as in the published code.
"""
import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jgan import space as spaces
from jgan.errors import UserError
from jgan.layers import act, conv, dense, initializer, norm, octave, output
from jgan.layers.initializer import torch_default


class Generator(nn.Module):
  """The fields of a generator of cells."""
  size: int
  colors: int
  latent: int = 128
  width: int = 256  # channels everywhere
  conv: Callable = conv.plain
  dense: Callable = dense.plain
  norm: Callable = norm.batch
  act: Callable = act.relu
  initializer: Callable = initializer.xavier_kernel
  dtype: Any = jnp.float32
  axis_name: str | None = None


class Discriminator(nn.Module):
  """The fields of a discriminator of cells."""
  size: int
  colors: int
  outputs: int = 1
  width: int = 128  # channels everywhere
  conv: Callable = conv.spectral
  dense: Callable = dense.spectral
  act: Callable = act.relu
  initializer: Callable = initializer.torch_default
  dtype: Any = jnp.float32
  axis_name: str | None = None


def bottom(size, times):
  """The side of the map that `times` doublings bring to `size` pixels, or to
  which so many halvings bring it.

  Raises:
    UserError: there is none.
  """
  side, rest = divmod(size, 2**times)
  if rest or not side:
    raise UserError(f'size {size} does not suit this architecture: it takes '
                    f'multiples of {2**times}, as 16, 32, 48, 64')
  return side


def convolutions(model, conv=None):
  """Makes convolutions as the model's fields say, or others by `conv`."""
  return functools.partial(conv or model.conv, initializer=model.initializer(),
                           dtype=model.dtype)


def norms(model):
  """Makes normalisations as the model's fields say."""
  return functools.partial(model.norm, initializer=model.initializer(),
                           dtype=model.dtype, axis_name=model.axis_name)


def stem(model, z, side, name='linear'):
  """Noise [b, c] -> a map [b, side, side, width], by one dense layer."""
  x = model.dense(side**2 * model.width, initializer=torch_default(),
                  dtype=model.dtype, name=name)(z)
  return x.reshape(-1, side, side, model.width)


def images(model, x, train):
  """The last map -> images [b, h, w, colors] in [-1, 1]: norm, act, conv."""
  x = model.act(norms(model)(name='norm')(x, train))
  conv = octave.last(convolutions(model))
  return output.image(conv(model.colors, name='to_rgb')(x))


def logits(model, x):
  """The last map -> logits [b], or [b, outputs]: act, sum of places, dense."""
  return output.logits(model.dense(
      model.outputs, use_bias=False, initializer=torch_default(),
      name='linear')(output.total(model.act(x))))


def searched(model, space, player):
  """What a super-network's cells choose from, and with which weights.

  Args:
    model: the super-network; its fields named as pools of the space replace
      their defaults. It has the fields of edge_weights().
    space: a name in jgan/spaces.
    player: 'generator' or 'discriminator'.

  Returns:
    Per cell {edge: its operations}, and per cell {edge: their weights}.
  """
  cells = cells_of(model, space, player)
  ops = [{name: edge.ops for name, edge in edges.items()} for edges in cells]
  return ops, edge_weights(model, cells)


def cells_of(model, space, player):
  """The cells of a super-network, {name: jgan.space.Edge} each."""
  space = spaces.find(space)
  return space.cells(player, **space.offered(model))


def edge_weights(model, cells):
  """Per cell {edge: weights of its operations}, of a super-network.

  `model` has a field `relax`: its logits are the collection 'arch', by part
  and drawn from N(0, 1e-3^2), the temperature of their relaxation is
  'temperature' in 'schedule'.

  cells: {name: jgan.space.Edge} each.
  """
  temperature = model.variable('schedule', 'temperature', jnp.ones, ()).value
  weights = {}
  for part, shape in spaces.logit_shapes(cells).items():
    variable = model.variable(
        'arch', part, lambda *shape: 1e-3 * jax.random.normal(
            model.make_rng('params'), shape), *shape)
    noise = model.make_rng('noise') if model.has_rng('noise') else None
    weights[part] = model.relax(variable.value, noise, temperature)
  # An edge may have fewer operations than its part of the logits.
  return [{name: weights[edge.part][edge.row][:len(edge.ops)]
           for name, edge in edges.items()} for edges in cells]
