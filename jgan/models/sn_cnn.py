"""The convolutional networks of SN-GAN (Miyato et al., 2018, table 3).

The generator's first map is 4 x 4 for images of 32 pixels, 6 x 6 for 48.
"""
import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jgan.layers import act, conv, dense, initializer, norm, octave, output
from jgan.layers.conv import ConvTranspose
from jgan.layers.resize import doublings

SIZES = (32, 48)


class Generator(nn.Module):
  """z [b, latent] -> images [b, size, size, colors] in [-1, 1]."""
  size: int
  colors: int
  latent: int = 128
  width: int = 64  # channels of the finest hidden map
  conv: Callable = conv.plain
  dense: Callable = dense.plain
  norm: Callable = norm.batch
  act: Callable = act.relu
  initializer: Callable = initializer.normal
  dtype: Any = jnp.float32
  axis_name: str | None = None

  @nn.compact
  def __call__(self, z, train):
    octave.refuse(self.conv, 'sn_cnn')
    bottom = self.size // 2**doublings(self.size, SIZES)
    common = dict(initializer=self.initializer(), dtype=self.dtype)
    normalise = functools.partial(self.norm, axis_name=self.axis_name, **common)

    x = self.dense(bottom**2 * 8 * self.width, name='linear', **common)(z)
    x = x.reshape(-1, bottom, bottom, 8 * self.width)
    x = self.act(normalise(name='norm_0')(x, train))
    for i in range(1, 4):
      x = ConvTranspose(8 * self.width // 2**i, name=f'deconv_{i}',
                        **common)(x)
      x = self.act(normalise(name=f'norm_{i}')(x, train))
      self.sow('features', 'blocks', x)
    return output.image(self.conv(self.colors, name='to_rgb', **common)(x))


class Discriminator(nn.Module):
  """[b, size, size, colors] -> logits [b], or [b, outputs] if outputs > 1."""
  size: int
  colors: int
  outputs: int = 1
  width: int = 64  # channels of the finest hidden map
  conv: Callable = conv.spectral
  dense: Callable = dense.spectral
  norm: Callable = norm.none
  act: Callable = act.leaky_relu_tenth
  initializer: Callable = initializer.normal
  dtype: Any = jnp.float32
  axis_name: str | None = None

  @nn.compact
  def __call__(self, x, train):
    octave.refuse(self.conv, 'sn_cnn')
    doublings(self.size, SIZES)
    common = dict(initializer=self.initializer(), dtype=self.dtype)
    normalise = functools.partial(self.norm, axis_name=self.axis_name, **common)

    for i in range(7):  # alternately 3 x 3, and 4 x 4 with stride 2
      step = dict(kernel=4, stride=2, padding=1) if i % 2 else {}
      x = self.conv(self.width * 2**((i + 1) // 2), name=f'conv_{i}', **step,
                    **common)(x)
      x = self.act(normalise(name=f'norm_{i}')(x, train))
      self.sow('features', 'blocks', x)
    x = x.reshape(x.shape[0], -1)
    return output.logits(self.dense(self.outputs, name='linear', **common)(x))
