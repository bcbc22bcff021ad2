"""The networks that a genotype of alphaGAN's space stands for (Tian et al.,
2020): generators of constant width, in which what skips from cell to cell is
a cell's doubled input.

The published genotypes have a generator only: they were searched and trained
with the discriminator of AutoGAN, which is the default here.
"""
import functools
from collections.abc import Callable, Mapping

import flax.linen as nn

from jgan import genotype as genotypes
from jgan.layers import conv, octave
from jgan.layers.mixed import Mixed, MixedDouble
from jgan.layers.resize import downsample
from jgan.models import _cells

# AutoGAN's discriminator as cells: SN-GAN's residual blocks.
_RESIDUAL = ({'n_01': ('conv_3x3',), 'n_12': ('conv_3x3',)},) * 4
# What a run did whose config.json is older than these fields.
EARLIER = {'discriminator': {'image_act': False}}


class UpCell(nn.Module):
  """Doubles a map [b, h, w, c]: -> node 1, for later cells, and node 4, the
  output, each [b, 2h, 2w, features].

  Attributes:
    ops: {edge: its operations}.
    features: channels.
    conv, norm, act: parts.
  """
  ops: Mapping[str, tuple[str, ...]]
  features: int
  conv: Callable
  norm: Callable
  act: Callable

  @nn.compact
  def __call__(self, x, skips, train, weights=None):
    """skips: node 1 of earlier cells. weights: {edge: [ops]}, or None."""
    def up(name, h, times=1):
      layer = MixedDouble(self.ops[name], self.features, self.conv, times,
                          self.norm, self.act, name=name)
      return layer(h, weights and weights[name], train)

    def normal(name, h):
      layer = Mixed(self.ops[name], self.features, self.conv, self.act,
                    norm=self.norm, name=name)
      return layer(h, weights and weights[name], train)

    node1, node3 = up('up_01', x), up('up_03', x)
    node2 = normal('n_12', node1)
    node4 = normal('n_24', node2) + normal('n_34', node3)
    for i, skip in enumerate(skips):
      times = len(skips) - i
      node4 += up(f'skip_{i + 1}', skip, times)
    return node1, node4


class DownCell(nn.Module):
  """Two edges in a row beside a shortcut.

  [b, h, w, c] -> [b, h, w, features], or half as large if `halve`.

  Attributes:
    ops: {edge: its operations}.
    features: channels.
    halve: average 2 x 2 pixels; then the shortcut is a 1x1 convolution.
    start: the activation of the input.
    first: makes the convolutions of the first edge.
    conv: makes the others.
    act: the activation between the edges.
  """
  ops: Mapping[str, tuple[str, ...]]
  features: int
  halve: bool
  start: Callable
  first: Callable
  conv: Callable
  act: Callable

  @nn.compact
  def __call__(self, x, weights=None):
    """weights: {edge: [ops]}, or None."""
    def edge(name, h, conv, act):
      layer = Mixed(self.ops[name], self.features, conv, act, name=name)
      return layer(h, weights and weights[name])

    h = edge('n_01', x, self.first, self.start)
    h = edge('n_12', h, self.conv, self.act)
    if not self.halve:
      return h + x
    # The average of the sum is the sum of the two branches' averages.
    x = self.conv(self.features, kernel=1, name='shortcut')(x)
    return downsample(h + x)


class CellGenerator(_cells.Generator):
  """z [b, latent] -> images [b, size, size, colors] in [-1, 1]."""

  def through(self, z, train, ops, weights=(None,) * 3, affine=True):
    """All of the network; ops, weights: of each cell, as UpCell has them.

    affine: learn scales and shifts in the separable convolutions.
    """
    octave.refuse(self.conv, 'alphagan')
    inner_norm = functools.partial(_cells.norms(self), affine=affine)
    x, skips = _cells.stem(self, z, _cells.bottom(self.size, 3)), []
    for i in range(3):
      skip, x = UpCell(ops[i], self.width, _cells.convolutions(self),
                       inner_norm, self.act, name=f'cell_{i + 1}')(
                           x, skips, train, weights[i])
      skips.append(skip)
      self.sow('features', 'blocks', x)
    return _cells.images(self, x, train)


class CellDiscriminator(_cells.Discriminator):
  """Images [b, size, size, colors] -> logits [b], or [b, outputs] if many.

  image_act: a searched discriminator activates the images, as alphaGAN's code
    does; AutoGAN's never does.
  """
  image_act: bool = True

  def through(self, x, ops, weights=(None,) * 4, searched=True):
    """All of the network; ops, weights: of each cell, as DownCell has them.

    searched: as alphaGAN's code has a searched D, the convolutions of the edge
      that reads the images are not normalised; else it is AutoGAN's D.
    """
    octave.refuse(self.conv, 'alphagan')
    _cells.bottom(self.size, 2)  # the first two cells halve the map
    make = _cells.convolutions(self)
    first = _cells.convolutions(self, conv.plain) if searched else make
    start = self.act if searched and self.image_act else lambda x: x
    for i in range(4):
      x = DownCell(ops[i], self.width, i < 2, self.act if i else start,
                   make if i else first, make, self.act,
                   name=f'cell_{i + 1}')(x, weights[i])
      self.sow('features', 'blocks', x)
    return _cells.logits(self, x)


class Generator(CellGenerator):
  """z [b, latent] -> images [b, size, size, colors] in [-1, 1].

  genotype: a name in jgan/genotypes, or the path of a JSON file.
  """
  genotype: str = 'alphagan_s'

  @nn.compact
  def __call__(self, z, train):
    return self.through(z, train, genotypes.of_space(
        self.genotype, 'alphagan', 'generator'))


class Discriminator(CellDiscriminator):
  """Images [b, size, size, colors] -> logits [b], or [b, outputs] if many.

  genotype: '' for AutoGAN's; else as of Generator, one with a discriminator.
  """
  genotype: str = ''

  @nn.compact
  def __call__(self, x, train):
    del train
    if not self.genotype:
      return self.through(x, _RESIDUAL, searched=False)
    return self.through(x, genotypes.of_space(
        self.genotype, 'alphagan', 'discriminator',
        "one from a search of both, or '' for AutoGAN's"))
