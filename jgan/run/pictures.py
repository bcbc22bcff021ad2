"""Images that a run shows: the grids in samples/, always of the same noise."""
import math

import jax
import numpy as np

from jgan import classes
from jgan.ops import distances
from jgan.report import grid
from jgan.score import samples

_FEW = 256  # images whose distances are computed at most


class Pictures:
  """Generates images of fixed noise, and writes them.

  Attributes:
    points: [n, 1, 1, 2] real points, of data that are no images; else None.
  """

  def __init__(self, config, source, method, sampler, folder):
    self._source, self._seed = source, config.seed
    self._sampler, self._folder = sampler, folder / 'samples'
    self._z = jax.random.normal(jax.random.key(config.seed + 1),
                                (config.samples.count, method.latent))
    self._labels, self._columns = None, 0  # a grid of any form
    if method.classes:
      self._labels, self._columns = classes.by_row(method.classes, len(self._z))
      self._z = self._z[:len(self._labels)]
    self._real = None
    self.points = (samples.reals(source, 1000, config.seed)
                   if source.shape[1:] == (1, 1, 2) else None)

  def reals(self):
    """As many real images as generated ones."""
    return samples.reals(self._source, len(self._z), self._seed)

  def write_reals(self):
    """Writes samples/reals.png, of images."""
    if self.points is None:
      grid.save_png(self._folder / 'reals.png', grid.grid(self.reals()))

  def made(self, net):
    """Begins to generate, on all processes: -> for `write` and `diversity`.

    net: Network of a generator.
    """
    return self._sampler.of(net, self._z, self._labels)

  def write(self, step, made, book):
    """Writes samples/STEP.png: a grid of images or a scatter plot of points.

    With classes each has a row of the grid.
    """
    images = samples.joined(made, len(self._z))
    path = self._folder / f'{step:08d}.png'
    if self.points is None:
      grid.save_png(path, grid.grid(images, columns=self._columns))
    else:
      from jgan.report import scatter  # loads matplotlib
      scatter.draw(path, *(np.reshape(x, (-1, 2))
                           for x in (self.points, images)))
    book.image(step, 'samples', grid.read_png(path))

  def diversity(self, made):
    """How far the images are apart, relative to as many real ones.

    Returns:
      {'diversity': root of the mean squared distance of two, 'nearest': mean
      distance to the nearest other one}, each divided by that of real images;
      {} where that is 0, one image is made, or images are not finite: the
      metrics of the next step say so.
    """
    count = min(len(self._z), _FEW)
    if self._real is None:
      self._real = distances.apart(self.reals()[:count])
    fake = distances.apart(samples.joined(made, count))
    return {name: x / real for (name, real), x in zip(
        self._real.items(), fake.values(), strict=True)
            if real > 0. and math.isfinite(x)}
