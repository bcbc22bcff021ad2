"""The networks that a genotype of AdversarialNAS's space stands for
(Gao et al., 2020), and MMD-AdversarialNAS's (Pulakurthi et al., 2024).

The generator's noise is split over the first cells' inputs. The published
genotypes have no discriminator: they were trained with the one of autogan.
"""
from collections.abc import Callable, Mapping

import flax.linen as nn
import jax.numpy as jnp

from jgan import genotype as genotypes
from jgan.errors import UserError
from jgan.layers import octave
from jgan.layers.mixed import Mixed, MixedUp
from jgan.layers.resize import bilinear, upsample
from jgan.models import _cells


class UpCell(nn.Module):
  """Doubles a map [b, h, w, c]: -> node2, for later cells, and node3, the
  output, each [b, 2h, 2w, features].

  Attributes:
    ops: {edge: (its operation,)}.
    features: channels.
    resize: doubles what comes from earlier cells.
    conv, act, norm: parts.
  """
  ops: Mapping[str, tuple[str]]
  features: int
  resize: Callable
  conv: Callable
  act: Callable
  norm: Callable

  @nn.compact
  def __call__(self, x, skips, weighted=None, train=False):
    """skips: node2 of earlier cells. weighted: only super-networks take it."""
    del weighted

    def edge(name, x):
      kind = MixedUp if name.startswith('up') else Mixed
      return kind(self.ops[name], self.features, self.conv, self.act,
                  norm=self.norm, name=name)(x, train=train)

    node0, node1 = edge('up0', x), edge('up1', x)
    node2 = self.add_skips(edge('c0', node0) + edge('c1', node1), skips)
    node3 = edge('c2', node0) + edge('c3', node1) + edge('c4', node2)
    return node2, node3

  def add_skips(self, node2, skips):
    """Adds what comes from earlier cells.

    Later cells get node2 with these in it, as the published code does by
    adding them in place.
    """
    for i, skip in enumerate(skips, 1):
      while skip.shape[1] < node2.shape[1]:
        skip = self.resize(skip)
      node2 += self.conv(self.features, kernel=1, name=f'skip_{i}')(skip)
    return node2


class DownCell(nn.Module):
  """Halves a map: [b, h, w, c] -> [b, h/2, w/2, features].

  Attributes:
    ops, features, conv, act: as of UpCell.
    images: its input is images: no activation before they are convolved.
  """
  ops: Mapping[str, tuple[str]]
  features: int
  conv: Callable
  act: Callable
  images: bool = False

  @nn.compact
  def __call__(self, x, weighted=None, train=False):
    """weighted: only super-networks take it."""
    del weighted

    def edge(name, h):
      return Mixed(self.ops[name], self.features, self.conv,
                   (lambda h: h) if self.images and h is x else self.act,
                   stride=2 if name.startswith('down') else 1, name=name)(
                       h, train=train)

    node0 = edge('c0', x)
    node1 = edge('c1', x) + edge('c3', node0)
    node2 = edge('c2', x) + edge('c4', node0)
    return edge('down0', node1) + edge('down1', node2)


class CellGenerator(_cells.Generator):
  """z [b, latent] -> images [b, size, size, colors] in [-1, 1].

  The first map is an eighth of the images. As published, the noise goes in in
  3 parts at 32 pixels, one for each cell; of larger images the last cell gets
  none, and there are 2 parts.
  """
  latent: int = 120

  def through(self, z, train, ops, weighted=(None,) * 3, cell=UpCell):
    """All of the network; ops, weighted: of each cell, as it takes them."""
    octave.refuse(self.conv, 'adversarial_nas')
    bottom, parts = _cells.bottom(self.size, 3), 3 if self.size <= 32 else 2
    if self.latent % parts:
      raise UserError(f'latent={self.latent} is not divisible by {parts}: at '
                      f'{self.size} pixels the noise goes in in {parts} parts')
    x, skips = 0., []
    noise = jnp.split(z, parts, axis=1)
    for i in range(3):
      if i < parts:
        x += _cells.stem(self, noise[i], bottom * 2**i, f'linear_{i + 1}')
      skip, x = cell(ops[i], self.width, bilinear if i == 1 else upsample,
                     _cells.convolutions(self), self.act, _cells.norms(self),
                     name=f'cell_{i + 1}')(x, skips, weighted[i], train)
      skips.append(skip)
      self.sow('features', 'blocks', x)
    return _cells.images(self, x, train)


class CellDiscriminator(_cells.Discriminator):
  """Images [b, size, size, colors] -> logits [b], or [b, outputs] if many."""

  def through(self, x, train, ops, weighted=(None,) * 4, cell=DownCell):
    """All of the network; ops, weighted: of each cell, as it takes them."""
    octave.refuse(self.conv, 'adversarial_nas')
    _cells.bottom(self.size, 4)  # each cell halves the map
    x = x.astype(self.dtype)
    for i in range(4):
      x = cell(ops[i], self.width, _cells.convolutions(self), self.act,
               images=i == 0, name=f'cell_{i + 1}')(x, weighted[i], train)
      self.sow('features', 'blocks', x)
    return _cells.logits(self, x)


class Generator(CellGenerator):
  """z [b, latent] -> images [b, size, size, colors] in [-1, 1].

  genotype: a name in jgan/genotypes, or the path of a JSON file.
  """
  genotype: str = 'mmd_nas'

  @nn.compact
  def __call__(self, z, train):
    return self.through(z, train, genotypes.of_space(
        self.genotype, 'adversarial_nas', 'generator'))


class Discriminator(CellDiscriminator):
  """Images [b, size, size, colors] -> logits [b], or [b, outputs] if many.

  genotype: as of Generator; one with a discriminator.
  """
  genotype: str = 'residual'

  @nn.compact
  def __call__(self, x, train):
    return self.through(x, train, genotypes.of_space(
        self.genotype, 'adversarial_nas', 'discriminator',
        "one that has, as 'residual', or the discriminator of autogan"))
