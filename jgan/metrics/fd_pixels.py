"""fd_pixels: Frechet distance in the leading principal components of pixels.

A score for tiny images that takes milliseconds and no network: real and
generated images are projected onto the leading principal components of the
real ones, and compared by their Frechet distance. Values are comparable only
on the same data set with the same `dim`, and not with any FID. Pixels are
scaled to [-1, 1].
"""
from typing import NamedTuple

import numpy as np

from jgan.errors import Stopped, UserError
from jgan.metrics import _frechet
from jgan.ops.quantize import to_uint8


class Reference(NamedTuple):
  """The projection, and the moments of the projected real images.

  Attributes:
    shape: (h, w, c) of an image.
    center: [h * w * c], the mean image.
    basis: [h * w * c, dim], the leading components, orthonormal columns; fewer
      where the images have no more.
    mean: [dim], of the projected real images (zero up to rounding).
    cov: [dim, dim], of the same (diagonal up to rounding).
  """
  shape: tuple[int, int, int]
  center: np.ndarray
  basis: np.ndarray
  mean: np.ndarray
  cov: np.ndarray


_VALUES, _IMAGES = 4096, 2048  # of larger images, that many decide components
_CHUNK = 1000  # images whose pixels are floats at a time

NEEDS = ('images',)
REFERENCE = True
BETTER = {'': 'lower'}


def make(real):
  """fake -> fd_pixels against `real` (both Samples), in up to 32 components."""
  reference = fit(real.images, dim=min(32, real.images[0].size))
  return lambda fake: {'': distance(reference, fake.images)}


def fit(real, *, dim=32):
  """Finds the leading `dim` principal components of the real images.

  Of images with more than 4,096 values the components are those of 2,048
  images, evenly spaced in the set; the moments in them are of all images.

  Args:
    real: [n, h, w, c] uint8, or floats in [-1, 1].
    dim: components to keep, at most h * w * c; n images have n - 1.

  Raises:
    UserError: not a batch of images, fewer pixels than `dim`, or images that
      do not vary.
    Stopped: a pixel is not finite.
  """
  shape, few = np.shape(real)[1:], real
  if np.ndim(real) == 4 and np.prod(shape) > _VALUES:
    few = real[np.unique(np.linspace(0, len(real) - 1, _IMAGES).astype(int))]
  pixels = _pixels(few)
  if not 1 <= dim <= pixels.shape[1]:
    raise UserError(f'dim={dim} components of images with {pixels.shape[1]} '
                    f'values; 1 to {pixels.shape[1]} would be right')
  center, basis = _components(pixels, dim)
  mean, cov = _frechet.statistics(_projected(real, center, basis))
  return Reference(shape, center, basis, mean, cov)


def _components(pixels, dim):
  """The mean [d] and leading components [d, dim] of pixels [n, d].

  They are eigenvectors of the covariance [d, d] or, with fewer images than
  values, follow from those of the Gram matrix [n, n].
  """
  if len(pixels) >= pixels.shape[1]:
    center, cov = _frechet.statistics(pixels)
    _, vectors = np.linalg.eigh(cov)  # in rising order of variance
    return center, vectors[:, ::-1][:, :dim]
  center = pixels.mean(axis=0)
  centred = pixels - center
  values, vectors = np.linalg.eigh(centred @ centred.T)
  values, vectors = values[::-1][:dim], vectors[:, ::-1][:, :dim]
  vary = values > 1e-10 * max(values[0], 1.)
  if not vary.any():
    raise UserError(f'fd_pixels: {len(pixels)} real images that do not vary '
                    'have no components; different images would be right')
  return center, centred.T @ (vectors[:, vary] / np.sqrt(values[vary]))


def _projected(images, center, basis):
  """Coordinates of images in the components: [n, dim]."""
  return np.concatenate([(_pixels(images[i:i + _CHUNK]) - center) @ basis
                         for i in range(0, len(images), _CHUNK)])


def distance(reference, fake):
  """fd_pixels of generated images, >= 0, 0 for the real set itself.

  Args:
    reference: what fit() returned.
    fake: [n, h, w, c] floats in [-1, 1], rounded to uint8 first, or uint8.

  Raises:
    UserError: not a batch of images, or of another shape than the real ones.
    Stopped: a pixel is not finite.
  """
  if np.ndim(fake) == 4 and np.shape(fake)[1:] != reference.shape:
    raise UserError(f'generated images of shape {list(np.shape(fake)[1:])} '
                    f'against real ones of {list(reference.shape)}')
  mean, cov = _frechet.statistics(
      _projected(np.asarray(fake), reference.center, reference.basis))
  return _frechet.distance(reference.mean, reference.cov, mean, cov)


def _pixels(images):
  """[n, h, w, c] -> [n, h * w * c] float64, quantized to 256 levels of [-1, 1].
  """
  images = np.asarray(images)
  if images.ndim != 4:
    raise UserError(f'images of shape {list(images.shape)}; [n, h, w, c] '
                    'would be right')
  if images.dtype != np.uint8 and not np.isfinite(images).all():
    raise Stopped('images have pixels that are not finite; score an earlier '
                  'checkpoint')
  # Real images are stored in 256 levels, so generated ones are rounded too.
  images = to_uint8(images)
  return images.reshape(len(images), -1) / 127.5 - 1.
