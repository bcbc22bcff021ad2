"""DCGAN (Radford et al., 2016) with 4 x 4 convolutions of stride 2.

The usual network of 512-256-128-64 channels is width 64 at 64 pixels. The
4 x 4 map has width 2^(doublings - 1) channels.
"""
import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jgan.layers import (
    act,
    conv,
    deconv,
    dense,
    initializer,
    norm,
    octave,
    output,
)
from jgan.layers.resize import doublings

SIZES = (16, 32, 64, 128)


class Generator(nn.Module):
  """z [b, latent] -> images [b, size, size, colors] in [-1, 1]."""
  size: int
  colors: int
  latent: int = 100
  width: int = 32  # channels of the finest hidden map
  deconv: Callable = deconv.plain
  dense: Callable = dense.plain
  norm: Callable = norm.batch
  act: Callable = act.relu
  initializer: Callable = initializer.torch_default
  dtype: Any = jnp.float32
  axis_name: str | None = None

  @nn.compact
  def __call__(self, z, train):
    stages = doublings(self.size, SIZES)
    common = dict(initializer=self.initializer(), dtype=self.dtype)
    bias = norm.wants_bias(self.norm)
    normalise = functools.partial(self.norm, axis_name=self.axis_name, **common)

    top = self.width * 2**(stages - 1)
    x = self.dense(16 * top, use_bias=bias, name='linear', **common)(z)
    x = self.act(normalise(name='norm_0')(x, train))
    x = x.reshape(-1, 4, 4, top)
    for i in range(1, stages):
      x = self.deconv(top // 2**i, use_bias=bias, name=f'deconv_{i}',
                      **common)(x)
      x = self.act(normalise(name=f'norm_{i}')(x, train))
      self.sow('features', 'blocks', octave.whole(x))
    x = octave.last(self.deconv)(self.colors, use_bias=False, name='to_rgb',
                                 **common)(x)
    return output.image(x)


class Discriminator(nn.Module):
  """[b, size, size, colors] -> logits [b], or [b, outputs] if outputs > 1.

  Every hidden layer but the first is normalised.
  """
  size: int
  colors: int
  outputs: int = 1
  width: int = 32  # channels of the finest hidden map
  conv: Callable = conv.plain
  norm: Callable = norm.batch
  act: Callable = act.leaky_relu
  initializer: Callable = initializer.torch_default
  dtype: Any = jnp.float32
  axis_name: str | None = None

  @nn.compact
  def __call__(self, x, train):
    common = dict(initializer=self.initializer(), dtype=self.dtype)
    normalise = functools.partial(self.norm, axis_name=self.axis_name, **common)
    conv = functools.partial(self.conv, kernel=4, **common)

    for i in range(doublings(self.size, SIZES)):
      x = conv(self.width * 2**i, stride=2, padding=1, name=f'conv_{i}')(x)
      if i > 0:
        x = normalise(name=f'norm_{i}')(x, train)
      x = self.act(x)
      self.sow('features', 'blocks', x)
    return output.logits(conv(self.outputs, padding=0, name='logits')(x))
