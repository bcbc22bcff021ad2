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
    basis: [h * w * c, dim], the leading components, orthonormal columns.
    mean: [dim], of the projected real images (zero up to rounding).
    cov: [dim, dim], of the same (diagonal up to rounding).
  """
  shape: tuple[int, int, int]
  center: np.ndarray
  basis: np.ndarray
  mean: np.ndarray
  cov: np.ndarray


NEEDS = ('images',)
REFERENCE = True
BETTER = {'': 'lower'}


def make(real):
  """fake -> fd_pixels against `real` (both Samples), in up to 32 components."""
  reference = fit(real.images, dim=min(32, real.images[0].size))
  return lambda fake: {'': distance(reference, fake.images)}


def fit(real, *, dim=32):
  """Finds the leading `dim` principal components of the real images.

  Args:
    real: [n, h, w, c] uint8, or floats in [-1, 1].
    dim: components to keep, at most h * w * c.

  Raises:
    UserError: not a batch of images, or fewer pixels than `dim`.
    Stopped: a pixel is not finite.
  """
  pixels = _pixels(real)
  if not 1 <= dim <= pixels.shape[1]:
    raise UserError(f'dim={dim} components of images with {pixels.shape[1]} '
                    f'values; 1 to {pixels.shape[1]} would be right')
  center, cov = _frechet.statistics(pixels)
  _, vectors = np.linalg.eigh(cov)  # in rising order of variance
  basis = vectors[:, ::-1][:, :dim]
  mean, cov = _frechet.statistics((pixels - center) @ basis)
  return Reference(np.shape(real)[1:], center, basis, mean, cov)


def distance(reference, fake):
  """fd_pixels of generated images, >= 0, 0 for the real set itself.

  Args:
    reference: what fit() returned.
    fake: [n, h, w, c] floats in [-1, 1], rounded to uint8 first, or uint8.

  Raises:
    UserError: not a batch of images, or of another shape than the real ones.
    Stopped: a pixel is not finite.
  """
  pixels = _pixels(fake)
  if np.shape(fake)[1:] != reference.shape:
    raise UserError(f'generated images of shape {list(np.shape(fake)[1:])} '
                    f'against real ones of {list(reference.shape)}')
  mean, cov = _frechet.statistics((pixels - reference.center) @ reference.basis)
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
