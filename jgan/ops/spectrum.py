"""Azimuthally averaged power spectrum (Durall et al., 2020, arXiv:2003.01826).

The power of an image at each spatial frequency, averaged over directions:
upsampling layers leave artifacts at high frequencies. All functions are
differentiable.
"""
import jax
import jax.numpy as jnp
import numpy as np

CENTERS = ('legacy', 'true_dc')
_GRAY = (.2989, .587, .114)
_FLAT = 1e-5  # relative range of a profile that may be rounding error alone


def profile(images, *, center='legacy', keep_edge_bins=False):
  """1-D log spectrum of each image: [n, h, w, c] floats -> [n, bins].

  The mean of 20 ln |F| of the grey image over each ring of frequencies.

  center, keep_edge_bins: see `radial_mean`.
  """
  return radial_mean(log_spectrum(gray(images)), center=center,
                     keep_edge_bins=keep_edge_bins)


def normalise(profiles):
  """Scales each profile of [n, bins] to a minimum of 0 and a maximum of 1.

  This removes the scale of the image and the base of the logarithm. A flat
  profile (of a single bright pixel, say) becomes 0.
  """
  low = jnp.min(profiles, axis=1, keepdims=True)
  span = jnp.max(profiles, axis=1, keepdims=True) - low
  size = jnp.max(jnp.abs(profiles), axis=1, keepdims=True)
  flat = span < _FLAT * (1. + size)
  return jnp.where(flat, 0., (profiles - low) / jnp.where(flat, 1., span))


def gray(images):
  """Luma [n, h, w] of [n, h, w, 3], or the only channel of [n, h, w, 1]."""
  if images.shape[3] == 1:
    return images[..., 0]
  return images @ jnp.array(_GRAY, images.dtype)


def log_spectrum(maps):
  """20 ln |F + 1e-8| of [n, h, w], zero frequency at [h // 2, w // 2]."""
  shifted = jnp.fft.fftshift(jnp.fft.fft2(maps), axes=(1, 2))
  return 20. * jnp.log(jnp.abs(shifted + 1e-8))


def radial_mean(maps, *, center='legacy', keep_edge_bins=False):
  """Means of [n, h, w] over rings one pixel wide: [n, bins].

  Args:
    center: of the rings. 'true_dc': the zero frequency. 'legacy': the middle
      of the array, which for even sizes is half a pixel from the zero
      frequency, as in the code of the published curves.
    keep_edge_bins: keep the first ring, with the zero frequency, and the
      last, in the corners; the published code drops both.
  """
  bins = _bins(*maps.shape[1:], center)
  total = bins.max() + 1
  sums = jax.ops.segment_sum(maps.reshape(len(maps), -1).T, bins, total)
  means = sums.T / np.bincount(bins).astype(np.float32)
  return means if keep_edge_bins else means[:, 1:-1]


def _bins(height, width, center):
  """Ring of each element: [height * width] int."""
  assert center in CENTERS, center
  middle = [(n - 1) / 2 if center == 'legacy' else n // 2
            for n in (height, width)]
  y, x = np.arange(height) - middle[0], np.arange(width) - middle[1]
  return np.hypot(y[:, None], x).astype(int).ravel()
