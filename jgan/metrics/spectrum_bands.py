"""Power of generated images relative to real ones, in three frequency bands.

The mean power |F|^2 of the luma in each band of spatial frequency, that of
the generated images divided by that of the real ones; 1 means equal power.
The zero frequency (mean brightness) is left out. Logged during training it
shows when a generator learns which frequencies (Durall et al., 2021, argue
that it fails at the high ones). The bands are thirds of the Nyquist frequency,
1/2 cycle per pixel; the corners of the spectrum beyond it count as high.
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
BETTER = dict.fromkeys(BANDS, 'neither')  # 1 is the best ratio


def make(real):
  """fake -> {band: power ratio} against `real`, both Samples.

  Raises:
    UserError: as `energies`, or real images without power in a band; from the
      returned function, generated images of another size.
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

  The Fourier transform is unnormalized, of pixels in [0, 1].

  Raises:
    UserError: not images of 1 or 3 channels, or below 8 x 8 pixels.
  """
  batches = _spectra.batches(images)
  power = sum(np.float64(_power(batch)) for batch in batches)
  bands = _bands(*power.shape).reshape(3, -1)
  return bands @ power.ravel() / sum(map(len, batches))


@jax.jit
def _power(images):
  """Sum of |F|^2 over the images: [n, h, w, c] -> [h, w]."""
  luma = spectrum.gray(images.astype(np.float32) / 255.)
  return (jnp.abs(jnp.fft.fft2(luma))**2).sum(0)


@functools.cache
def _bands(height, width):
  """Masks of the frequencies of each band, without 0: [3, h, w] bool."""
  radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
  low, mid = radius < 1 / 6, radius < 1 / 3
  return np.stack([low & (radius > 0.), mid & ~low, ~mid])
