"""The residual networks of SN-GAN (Miyato et al., 2018, tables 4 to 6), with
classes those of Miyato & Koyama (2018, "cGANs with projection discriminator").

At 32 pixels all blocks have the same width. At 48 and 64 pixels the number of
channels halves with every doubling of the map, down to `width`.

The code published with both papers (pfnet-research/sngan_projection) has the
same layers, initial values and biases, but batch normalisation adds 2e-5 to
variances there, and 1e-5 here unless the norm's `eps` says otherwise.
"""
import functools
import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jgan import lookup
from jgan.errors import UserError
from jgan.layers import (
    act,
    classes,
    conv,
    dense,
    hidden,
    initializer,
    norm,
    octave,
    output,
)
from jgan.layers.resize import doublings, upsample
from jgan.ops.channels import Group

# By size: the paper's width, and the channels of stem and blocks as its
# multiples.
_UP = {32: (256, (1, 1, 1, 1)), 48: (64, (8, 4, 2, 1)),
       64: (64, (16, 8, 4, 2, 1))}
# The same for the discriminator, and the number of blocks that halve the map.
_DOWN = {32: (128, (1, 1, 1, 1), 2), 48: (64, (1, 2, 4, 8, 16), 4),
         64: (64, (1, 2, 4, 8, 16), 5)}


class UpBlock(nn.Module):
  """Doubles a map: [b, h, w, c] -> [b, 2h, 2w, features]."""
  features: int
  hidden: int  # channels between its two convolutions
  conv: Callable
  norm: Callable
  act: Callable
  initializer: Callable

  @nn.compact
  def __call__(self, x, train):
    conv = functools.partial(self.conv,
                             initializer=self.initializer(math.sqrt(2)))
    h = upsample(self.act(self.norm(name='norm_0')(x, train)))
    h = conv(self.hidden, name='conv_0')(h)
    h = self.act(self.norm(name='norm_1')(h, train))
    h = conv(self.features, name='conv_1')(h)
    shortcut = self.conv(self.features, kernel=1, name='shortcut',
                         initializer=self.initializer())
    return h + shortcut(upsample(x))


class FirstBlock(nn.Module):
  """First block of the discriminator: [b, h, w, c] -> [b, h/2, w/2, features].

  Unlike DownBlock it has no activation before the first convolution.
  """
  features: int
  conv: Callable
  norm: Callable
  act: Callable
  initializer: Callable

  @nn.compact
  def __call__(self, x, train):
    conv = functools.partial(self.conv, self.features,
                             initializer=self.initializer(math.sqrt(2)))
    h = self.act(self.norm(name='norm_1')(conv(name='conv_0')(x), train))
    h = conv(name='conv_1')(h)
    shortcut = self.conv(self.features, kernel=1, name='shortcut',
                         initializer=self.initializer())
    halve = octave.pooling(self.conv)
    return halve(h) + shortcut(halve(x))


class DownBlock(nn.Module):
  """[b, h, w, c] -> [b, h, w, features], or [b, h/2, w/2, features] if `halve`.
  """
  features: int
  hidden: int  # channels between its two convolutions
  halve: bool
  conv: Callable
  norm: Callable
  act: Callable
  initializer: Callable

  @nn.compact
  def __call__(self, x, train):
    conv = functools.partial(self.conv,
                             initializer=self.initializer(math.sqrt(2)))
    h = self.act(self.norm(name='norm_0')(x, train))
    h = conv(self.hidden, name='conv_0')(h)
    h = self.act(self.norm(name='norm_1')(h, train))
    h = conv(self.features, name='conv_1')(h)
    if self.halve or x.shape[-1] != self.features:
      x = self.conv(self.features, kernel=1, name='shortcut',
                    initializer=self.initializer())(x)
    # Pooling is linear: the two branches can be pooled together.
    return octave.pooling(self.conv)(h + x) if self.halve else h + x


class Generator(nn.Module):
  """z [b, latent] -> images [b, size, size, colors] in [-1, 1].

  With classes, both normalisations of each block have a scale and a bias for
  each class; the last one of the network has one for all.
  """
  size: int
  colors: int
  latent: int = 128
  width: int = 0  # channels of the last block; 0: 256 at 32 pixels, else 64
  hidden: tuple = ()  # channels inside each block; (): as many as its output
  classes: int = 0  # of the images; 0: they have none
  spread: float = 0.  # of the classes' scales at first; .02: BigGAN's
  conv: Callable = conv.plain
  dense: Callable = dense.plain
  norm: Callable = norm.batch
  act: Callable = act.relu
  initializer: Callable = initializer.xavier
  dtype: Any = jnp.float32
  axis_name: str | None = None

  @nn.compact
  def __call__(self, z, train, labels=None):
    """labels: int [b] in [0, classes), if there are classes."""
    classes.given(self, labels)
    bottom = self.size // 2**doublings(self.size, _UP)
    paper_width, multiples = _UP[self.size]
    stem, *widths = (m * (self.width or paper_width) for m in multiples)
    start = self.initializer()
    conv = functools.partial(self.conv, dtype=self.dtype)
    normalise = functools.partial(self.norm, initializer=start,
                                  dtype=self.dtype, axis_name=self.axis_name)
    of_class = classes.normalisation(
        normalise, self.classes, labels, spread=self.spread, initializer=start,
        dtype=self.dtype)

    x = self.dense(bottom**2 * stem, initializer=start, dtype=self.dtype,
                   name='linear')(z)
    x = x.reshape(-1, bottom, bottom, stem)
    inside = hidden.widths(self.hidden, widths, 'sngan')
    for i, features in enumerate(widths):
      x = UpBlock(features, inside[i], conv, of_class, self.act,
                  self.initializer, name=f'block_{i}')(x, train)
      self.sow('features', 'blocks', octave.whole(x))
    x = self.act(normalise(name='norm')(x, train))
    return output.image(octave.last(conv)(
        self.colors, initializer=start, name='to_rgb')(x))

  def channels(self):
    """A Group of channels for each entry of `hidden`."""
    blocks = [f'block_{i}' for i in range(doublings(self.size, _UP))]
    return [Group((f'{b}/conv_0',), (f'{b}/norm_1',), (f'{b}/conv_1',))
            for b in blocks]


class Discriminator(nn.Module):
  """[b, size, size, colors] -> logits [b], or [b, outputs] if outputs > 1.

  With classes, the logit is that of the image plus the product of the pooled
  features with the embedding of its class (projection; Miyato & Koyama, 2018).

  At 64 pixels, hidden='out' and halvings=4 are PyTorch-StudioGAN's variant.
  """
  size: int
  colors: int
  outputs: int = 1
  width: int = 0  # channels of the first block; 0: 128 at 32 pixels, else 64
  hidden: str = 'in'  # channels inside a block: as its input | 'out': output
  halvings: int = 0  # blocks that halve the map; 0: the paper's 2, 4, 5
  classes: int = 0  # of the images; 0: they have none
  conv: Callable = conv.spectral
  dense: Callable = dense.spectral
  norm: Callable = norm.none
  act: Callable = act.relu
  initializer: Callable = initializer.xavier
  dtype: Any = jnp.float32
  axis_name: str | None = None

  @nn.compact
  def __call__(self, x, train, labels=None):
    """labels: int [b] in [0, classes), if there are classes."""
    conditional = classes.given(self, labels)
    doublings(self.size, _DOWN)
    paper_width, multiples, paper_halvings = _DOWN[self.size]
    widths = [m * (self.width or paper_width) for m in multiples]
    halvings = self.halvings or paper_halvings
    if self.hidden not in ('in', 'out'):
      raise UserError(f"sngan: no hidden '{self.hidden}': "
                      f"{lookup.nearest(self.hidden, ('in', 'out'))}")
    if not 0 < halvings <= len(widths) or self.size % 2**halvings:
      raise UserError(f'sngan: {self.size} pixels and {len(widths)} blocks '
                      f'cannot halve {halvings} times: at most '
                      f'{paper_halvings}')
    conv = functools.partial(self.conv, dtype=self.dtype)
    normalise = functools.partial(self.norm, initializer=self.initializer(),
                                  dtype=self.dtype, axis_name=self.axis_name)
    parts = (conv, normalise, self.act, self.initializer)

    for i, features in enumerate(widths):
      hidden = x.shape[-1] if self.hidden == 'in' else features
      block = (DownBlock(features, hidden, i < halvings, *parts,
                         name=f'block_{i}') if i else
               FirstBlock(features, *parts, name='block_0'))
      x = block(x, train)
      self.sow('features', 'blocks', octave.whole(x))
    x = output.total(self.act(x))
    # The paper's code has a bias here at 64 pixels and none at 32.
    logits = output.logits(self.dense(
        self.outputs, use_bias=self.size != 32, name='linear',
        initializer=self.initializer())(x))
    if not conditional:
      return logits
    shown = classes.embed(labels, self.classes, x.shape[-1], self.dense,
                          self.initializer())
    return logits + jnp.sum(shown * x, 1)
