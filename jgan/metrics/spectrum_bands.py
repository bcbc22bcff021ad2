"""How much of each frequency band generated images have, beside real ones.

Mean power |F|^2 of the luma in three bands of spatial frequency, less the mean
brightness: that of the fakes divided by that of the reals. 1 is as much. Over
a training it tells which frequencies a generator learns when (Durall et al.,
2021, argue that the high ones break it). The bands are thirds of the Nyquist
frequency, 1/2 cycle per pixel; the corners beyond it count as high.
"""
import functools

import jax
import jax.numpy as jnp
import numpy as np

from jgan.errors import UserError
from jgan.metrics import _spectra
from jgan.ops import spectrum

NEEDS = ('images',)
REFERENCE = True
BANDS = ('low', 'mid', 'high')


def make(real):
  """The metric against `real`, a Samples.

  Raises:
    UserError: what `energies` refuses, or reals with nothing in a band; then
      of the metric, fakes of another size.
  """
  reference = energies(real.images)
  if not reference.all():
    band = BANDS[int(np.argmin(reference))]
    raise UserError(f'spectrum_bands: the real images have no energy in the '
                    f'{band} band; images that vary would be right')

  def score(fake):
    _spectra.require_one_size(real.images, fake.images)
    ratio = energies(fake.images) / reference
    return dict(zip(BANDS, map(float, ratio)))

  return score


def energies(images):
  """Mean power in each band: [n, h, w, c] uint8 -> [3] float64.

  Of the discrete Fourier transform without a factor, pixels in [0, 1].

  Raises:
    UserError: not images of 1 or 3 channels, or below 8 x 8 pixels.
  """
  parts = _spectra.batches(images)
  power = sum(np.float64(_power(part)) for part in parts)
  bands = _bands(*power.shape).reshape(3, -1)
  return bands @ power.ravel() / sum(map(len, parts))


@jax.jit
def _power(images):
  """Sum of |F|^2 over the images: [n, h, w, c] -> [h, w]."""
  luma = spectrum.gray(images.astype(np.float32) / 255.)
  return (jnp.abs(jnp.fft.fft2(luma))**2).sum(0)


@functools.cache
def _bands(height, width):
  """Which band each frequency is of, the zero one of none: [3, h, w] bool."""
  radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
  low, mid = radius < 1 / 6, radius < 1 / 3
  return np.stack([low & (radius > 0.), mid & ~low, ~mid])
