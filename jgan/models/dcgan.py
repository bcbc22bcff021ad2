"""DCGAN with 3 x 3 convolutions, nearest-neighbour upsampling and average
pooling.

With conv='octave' it is the octave DCGAN of Durall et al. (2021), whose
512-256-128-64-32 channels are width 32 at 128 pixels; with conv='plain', the
baseline without octaves. The 4 x 4 map has width 2^(doublings - 1) channels.
"""
import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jgan.layers import (
    act,
    conv,
    dense,
    hidden,
    initializer,
    norm,
    octave,
    output,
)
from jgan.layers.resize import doublings, downsample, upsample
from jgan.ops.channels import Group

SIZES = (16, 32, 64, 128)


class Generator(nn.Module):
  """z [b, latent] -> images [b, size, size, colors] in [-1, 1]."""
  size: int
  colors: int
  latent: int = 100
  width: int = 32  # channels of the finest hidden map
  hidden: tuple = ()  # channels of each hidden map but the first; (): by width
  conv: Callable = conv.plain
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
    widths = hidden.widths(
        self.hidden, [top // 2**i for i in range(1, stages)], 'dcgan')
    for i, features in enumerate(widths, 1):
      x = self.conv(features, use_bias=bias, name=f'conv_{i}', **common)(
          upsample(x))
      x = self.act(normalise(name=f'norm_{i}')(x, train))
      self.sow('features', 'blocks', octave.whole(x))
    x = octave.last(self.conv)(self.colors, use_bias=False, name='to_rgb',
                               **common)(upsample(x))
    return output.image(x)

  def channels(self):
    """A Group of channels for each entry of `hidden`."""
    count = doublings(self.size, SIZES) - 1
    layers = [*(f'conv_{i + 1}' for i in range(count)), 'to_rgb']
    return [Group((layers[i],), (f'norm_{i + 1}',), (layers[i + 1],))
            for i in range(count)]


class Discriminator(nn.Module):
  """[b, size, size, colors] -> logits [b], or [b, outputs] if outputs > 1.

  2 x 2 average pooling precedes each convolution, and every hidden layer is
  normalised, including the first.
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
    bias = norm.wants_bias(self.norm)
    normalise = functools.partial(self.norm, axis_name=self.axis_name, **common)
    conv = octave.halving(self.conv)

    for i in range(doublings(self.size, SIZES)):
      x = conv(self.width * 2**i, use_bias=bias, name=f'conv_{i}',
               **common)(x)
      x = self.act(normalise(name=f'norm_{i}')(x, train))
      self.sow('features', 'blocks', octave.whole(x))
    x = octave.halving(octave.last(self.conv))(
        self.outputs, use_bias=False, name='logits', **common)(x)
    return output.logits(downsample(x))
