"""Two-dimensional mixtures of Gaussians with known modes.

A grid of 25 (Dumoulin et al., 2017) or a ring of 8 (Metz et al., 2017),
scaled into [-1, 1]^2. A sample is the point itself, or a small image of a
blob at that point. `locate` recovers the point of a sample and `nearest` its
mode, to count the covered modes.
"""
import numpy as np

from jgan.data import _require
from jgan.types import ImageSpec

_EXTENT = .8  # coordinate of the outermost modes; their blobs fit in the image
_KINDS = ('grid', 'ring')
_RENDERS = ('points', 'images')


def modes(*, kind='grid'):
  """Centres of the modes: [25, 2] ('grid') or [8, 2] ('ring'), as (x, y)."""
  _require.one_of('kind', kind, _KINDS)
  if kind == 'grid':
    line = np.linspace(-_EXTENT, _EXTENT, 5)
    x, y = np.meshgrid(line, line, indexing='ij')
    return np.stack([x.ravel(), y.ravel()], axis=1)
  angle = 2 * np.pi * np.arange(8) / 8
  return _EXTENT * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def info(*, kind='grid', render='points', size=16, count=50000, std=.01,
         seed=0):
  """ImageSpec: points are 1 x 1 with 2 channels, images size x size grey."""
  _require.one_of('kind', kind, _KINDS)
  _require.one_of('render', render, _RENDERS)
  _require.at_least('size', size, 8)
  _require.at_least('count', count, 1)
  _require.at_least('std', std, 0)
  _require.at_least('seed', seed, 0)
  shape = (1, 1, 2) if render == 'points' else (size, size, 1)
  return ImageSpec(shape, count,
                   'float32' if render == 'points' else 'uint8')


def classes(*, kind='grid', render='points', size=16, count=50000, std=.01,
            seed=0):
  """The names of the classes: the numbers of the modes."""
  del render, size, count, std, seed
  return tuple(map(str, range(len(modes(kind=kind)))))


def labels(data_dir, *, kind='grid', render='points', size=16, count=50000,
           std=.01, seed=0):
  """The mode that each sample of `load` is of: [count] int32."""
  del data_dir, render, size, std, seed
  return np.arange(count, dtype=np.int32) % len(modes(kind=kind))


def load(data_dir, *, kind='grid', render='points', size=16, count=50000,
         std=.01, seed=0):
  """Draws `count` samples; a pure function of its arguments.

  Sample i belongs to mode i modulo the number of modes, so that all modes
  are equally frequent. `data_dir` is not used.

  std: standard deviation of each mode, along x and y.

  Returns: [count, 1, 1, 2] float32 or [count, size, size, 1] uint8.
  """
  del data_dir
  info(kind=kind, render=render, size=size, count=count, std=std, seed=seed)
  centres = modes(kind=kind)
  noise = np.random.default_rng(seed).normal(size=(count, 2))
  points = centres[np.arange(count) % len(centres)] + std * noise
  if render == 'points':
    return points.astype(np.float32).reshape(count, 1, 1, 2)
  return draw(points, size)


def draw(points, size):
  """[n, 2] points (x, y) -> [n, size, size, 1] uint8 images of a blob at each.

  x grows to the right, y downwards; the blob is a Gaussian with a standard
  deviation of 1/16 of the side, white on black.
  """
  pixels = _centres(size)
  blobs = np.exp(-.5 * ((pixels - points[..., None]) * 8)**2)  # [n, 2, size]
  images = blobs[:, 1, :, None] * blobs[:, 0, None, :]
  return np.round(255 * images).astype(np.uint8)[..., None]


def locate(samples):
  """Coordinates of samples: points, or images in [-1, 1], -> [n, 2] as (x, y).

  For an image it is the centroid of the squared brightness; squaring reduces
  the pull of a faint background towards the middle.
  """
  samples = np.asarray(samples, np.float64)
  n, height, width, _ = samples.shape
  if (height, width) == (1, 1):
    return samples.reshape(n, 2)
  light = np.square(np.clip((samples[..., 0] + 1) / 2, 0, 1))
  total = np.maximum(light.sum(axis=(1, 2)), 1e-12)
  x = light.sum(axis=1) @ _centres(width) / total
  y = light.sum(axis=2) @ _centres(height) / total
  return np.stack([x, y], axis=1)


def nearest(samples, *, kind='grid'):
  """The mode nearest to each sample and the distance to it: two [n].

  samples: as for `locate`.
  """
  differences = locate(samples)[:, None] - modes(kind=kind)[None]
  distance = np.linalg.norm(differences, axis=-1)
  return distance.argmin(axis=1), distance.min(axis=1)


def _centres(size):
  """Coordinates of the pixel centres along a side that spans [-1, 1]."""
  return (np.arange(size) + .5) * (2 / size) - 1
