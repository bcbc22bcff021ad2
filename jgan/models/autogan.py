"""The networks of AutoGAN (Gong et al., 2019): three generators that its
search found, and the discriminator of AdversarialNAS and alphaGAN too.
"""
import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn

from jgan import lookup
from jgan.errors import UserError
from jgan.layers import hidden, norm, octave
from jgan.layers.resize import bilinear, doublings, upsample
from jgan.models import _cells
from jgan.models.sngan import DownBlock, FirstBlock
from jgan.ops.channels import Group

_BOTTOM = {32: 4, 48: 6}
# What a run did whose config.json is older than these fields.
EARLIER = {'discriminator': {'halvings': 0}}


class Cell(NamedTuple):
  """What the search chose for one cell; all activate before convolving.

  Attributes:
    norm: normalise before each activation.
    resize: doubles maps, its own input and what comes from earlier cells.
    shortcut: add the doubled input, convolved 1x1.
  """
  norm: bool
  resize: Callable
  shortcut: bool


GENOTYPES = {
    'A': (Cell(False, upsample, True), Cell(False, bilinear, True),
          Cell(False, upsample, False)),
    'B': (Cell(False, upsample, True), Cell(False, upsample, True),
          Cell(False, upsample, True)),
    'C': (Cell(True, upsample, True), Cell(False, bilinear, True),
          Cell(False, upsample, False)),
}


class UpBlock(nn.Module):
  """Doubles a map [b, h, w, c]: -> what later cells take from inside this
  one, [b, 2h, 2w, hidden], and its output [b, 2h, 2w, features].
  """
  genes: Cell
  features: int
  hidden: int
  conv: Callable
  norm: Callable
  act: Callable

  @nn.compact
  def __call__(self, x, skips, train):
    """skips: what earlier cells gave for this one."""
    resize = self.genes.resize
    normalise = self.norm if self.genes.norm else norm.none
    h = self.act(normalise(name='norm_0')(x, train))
    h = self.conv(self.hidden, name='conv_0')(resize(h))
    for i, skip in enumerate(skips):
      while skip.shape[1] < h.shape[1]:
        skip = resize(skip)
      h += self.conv(self.hidden, kernel=1, name=f'skip_{i}')(skip)
    # Later cells get h with these in it, as the published code does by adding
    # them in place.
    out = self.act(normalise(name='norm_1')(h, train))
    out = self.conv(self.features, name='conv_1')(out)
    if self.genes.shortcut:
      out += self.conv(self.features, kernel=1, name='shortcut')(resize(x))
    return h, out


class Generator(_cells.Generator):
  """z [b, latent] -> images [b, size, size, colors] in [-1, 1]."""
  genotype: str = 'A'  # A | B | C
  hidden: tuple = ()  # or of each cell's inside

  @nn.compact
  def __call__(self, z, train):
    doublings(self.size, _BOTTOM)
    if self.genotype not in GENOTYPES:
      raise UserError(f"autogan: no genotype '{self.genotype}': "
                      f'{lookup.nearest(self.genotype, GENOTYPES)}')
    skips, cells = [], GENOTYPES[self.genotype]
    inside = hidden.widths(self.hidden, [self.width] * len(cells), 'autogan')
    x = _cells.stem(self, z, _BOTTOM[self.size])
    for i, genes in enumerate(cells):
      skip, x = UpBlock(genes, self.width, inside[i], _cells.convolutions(self),
                        _cells.norms(self), self.act, name=f'block_{i}')(
                            x, skips, train)
      skips.append(skip)
      self.sow('features', 'blocks', octave.whole(x))
    return _cells.images(self, x, train)

  def channels(self):
    """The channels inside each cell, which later cells take too: Groups, as in
    `hidden`.
    """
    cells = range(len(GENOTYPES[self.genotype]))
    return [Group((f'block_{i}/conv_0',
                   *(f'block_{i}/skip_{j}' for j in cells[:i])),
                  (f'block_{i}/norm_1',),
                  (f'block_{i}/conv_1',
                   *(f'block_{j}/skip_{i}' for j in cells[i + 1:])))
            for i in cells]


class Discriminator(_cells.Discriminator):
  """Images [b, size, size, colors] -> logits [b], or [b, outputs] if many.

  At 32 pixels it is SN-GAN's; MMD-AdversarialNAS takes width 512, outputs 16.

  halvings: how many of the four blocks halve the map: 2 in the published code
    at every size; 0: 2 up to 48 pixels, 3 up to 96, as later code of the same
    authors at 64 (Pulakurthi et al., IEEE Access), and 4 beyond.
  """
  norm: Callable = norm.none
  halvings: int = dataclasses.field(default=2, metadata={'least': 0})

  @nn.compact
  def __call__(self, x, train):
    halvings = self.halvings or 2 + (self.size > 48) + (self.size > 96)
    if not 1 <= halvings <= 4:
      raise UserError(f'autogan: 4 blocks cannot halve {halvings} times: 1 to '
                      '4, or 0 for the usual number, would be right')
    _cells.bottom(self.size, halvings)
    conv = functools.partial(self.conv, dtype=self.dtype)
    parts = (conv, _cells.norms(self), self.act, self.initializer)

    x = FirstBlock(self.width, *parts, name='block_0')(x, train)
    self.sow('features', 'blocks', octave.whole(x))
    for i in range(1, 4):
      x = DownBlock(self.width, self.width, i < halvings, *parts,
                    name=f'block_{i}')(x, train)
      self.sow('features', 'blocks', octave.whole(x))
    return _cells.logits(self, x)
