"""The fully convolutional DCGAN that WGAN-GP implementations use.

As in LynnHo/DCGAN-LSGAN-WGAN-GP-DRAGAN-Pytorch: z is a 1 x 1 feature map, and
the number of channels doubles towards the 4 x 4 map, up to 8 times the width.
With a gradient penalty the critic should have norm='layer', since batch
normalisation makes its output for a sample depend on the others.
"""
import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jgan.layers import act, conv, initializer, norm, output
from jgan.layers.conv import ConvTranspose
from jgan.layers.resize import doublings

SIZES = (16, 32, 64, 128)


class Generator(nn.Module):
  """z [b, latent] -> images [b, size, size, colors] in [-1, 1]."""
  size: int
  colors: int
  latent: int = 128
  width: int = 64  # channels of the finest hidden map
  norm: Callable = norm.batch
  act: Callable = act.relu
  initializer: Callable = initializer.torch_default
  dtype: Any = jnp.float32
  axis_name: str | None = None

  @nn.compact
  def __call__(self, z, train):
    common = dict(initializer=self.initializer(), dtype=self.dtype)
    deconv = functools.partial(
        ConvTranspose, use_bias=norm.wants_bias(self.norm), **common)
    normalise = functools.partial(self.norm, axis_name=self.axis_name, **common)

    x = z.reshape(-1, 1, 1, z.shape[-1])
    for i in reversed(range(doublings(self.size, SIZES))):
      step = dict(stride=2, padding=1) if x.shape[1] > 1 else dict(
          stride=1, padding=0)
      x = deconv(self.width * min(2**i, 8), name=f'deconv_{i}', **step)(x)
      x = self.act(normalise(name=f'norm_{i}')(x, train))
      self.sow('features', 'blocks', x)
    return output.image(ConvTranspose(self.colors, name='to_rgb', **common)(x))


class Discriminator(nn.Module):
  """[b, size, size, colors] -> logits [b], or [b, outputs] if outputs > 1.

  Every hidden layer but the first is normalised.
  """
  size: int
  colors: int
  outputs: int = 1
  width: int = 64  # channels of the finest hidden map
  conv: Callable = conv.plain
  norm: Callable = norm.batch
  act: Callable = act.leaky_relu
  initializer: Callable = initializer.torch_default
  dtype: Any = jnp.float32
  axis_name: str | None = None

  @nn.compact
  def __call__(self, x, train):
    common = dict(initializer=self.initializer(), dtype=self.dtype)
    conv = functools.partial(self.conv, kernel=4, **common)
    normalise = functools.partial(self.norm, axis_name=self.axis_name, **common)

    for i in range(doublings(self.size, SIZES)):
      x = conv(self.width * min(2**i, 8), stride=2, padding=1,
               use_bias=i == 0 or norm.wants_bias(self.norm),
               name=f'conv_{i}')(x)
      if i > 0:
        x = normalise(name=f'norm_{i}')(x, train)
      x = self.act(x)
      self.sow('features', 'blocks', x)
    return output.logits(conv(self.outputs, padding=0, name='logits')(x))
