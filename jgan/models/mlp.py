"""Fully-connected networks (MLPs) for 2-D points and other small data.

A 2-D point is an image of 1 x 1 pixel with a channel for each coordinate:
size 1, colors 2.
"""
import dataclasses
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jgan.errors import UserError
from jgan.layers import act, dense, initializer, norm, output


class Generator(nn.Module):
  """z [b, latent] -> points [b, 1, 1, colors], unbounded."""
  size: int
  colors: int
  latent: int = 16
  width: int = 128
  depth: int = dataclasses.field(  # hidden layers
      default=3, metadata={'least': 0})
  dense: Callable = dense.plain
  norm: Callable = norm.none
  act: Callable = act.relu
  initializer: Callable = initializer.torch_default
  dtype: Any = jnp.float32
  axis_name: str | None = None

  @nn.compact
  def __call__(self, z, train):
    x = _hidden(self, z, train)
    x = self.dense(self.colors, initializer=self.initializer(),
                   name='point')(x)
    return x.reshape(-1, 1, 1, self.colors).astype(jnp.float32)


class Discriminator(nn.Module):
  """Points [b, 1, 1, colors] -> logits [b], or [b, outputs] if outputs > 1."""
  size: int
  colors: int
  outputs: int = 1
  width: int = 128
  depth: int = dataclasses.field(  # hidden layers
      default=3, metadata={'least': 0})
  dense: Callable = dense.plain
  norm: Callable = norm.none
  act: Callable = act.leaky_relu
  initializer: Callable = initializer.torch_default
  dtype: Any = jnp.float32
  axis_name: str | None = None

  @nn.compact
  def __call__(self, x, train):
    x = _hidden(self, x.reshape(x.shape[0], -1), train)
    return output.logits(self.dense(
        self.outputs, initializer=self.initializer(), name='logits')(x))


def _hidden(net, x, train):
  """The hidden layers, which both players share: [b, c] -> [b, width]."""
  if net.size != 1:
    raise UserError(f'size {net.size} does not suit this architecture: it '
                    'takes 1, points as images of 1 x 1')
  common = dict(initializer=net.initializer(), dtype=net.dtype)
  for i in range(net.depth):
    x = net.dense(net.width, name=f'dense_{i}', **common)(x)
    x = net.act(net.norm(name=f'norm_{i}', axis_name=net.axis_name,
                         **common)(x, train))
    # As a 1 x 1 map, because features are maps in all models.
    net.sow('features', 'blocks', x[:, None, None])
  return x
