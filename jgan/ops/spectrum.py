"""Azimuthally averaged power spectrum (Durall et al., 2020, arXiv:2003.01826).

How much of an image is at each spatial frequency, whatever its direction:
upsampling layers leave traces at the high ones. All of it is differentiable.
"""
import jax
import jax.numpy as jnp
import numpy as np

CENTERS = ('legacy', 'true_dc')
_GRAY = (.2989, .587, .114)
_FLAT = 1e-5  # a profile's range, beside its size, that is rounding alone


def profile(images, *, center='legacy', keep_edge_bins=False):
  """1-D log spectrum of each image: [n, h, w, c] floats -> [n, bins].

  The mean over each ring of frequencies of 20 ln |F|, of the grey image.

  center, keep_edge_bins: see `radial_mean`.
  """
  return radial_mean(log_spectrum(gray(images)), center=center,
                     keep_edge_bins=keep_edge_bins)


def normalise(profiles):
  """[n, bins] -> each from 0 at its least to 1 at its greatest value.

  A scale of the image does not matter then, nor the base of the logarithm.
  Flat ones (of a single bright pixel, say) are zero.
  """
  low = jnp.min(profiles, axis=1, keepdims=True)
  span = jnp.max(profiles, axis=1, keepdims=True) - low
  size = jnp.max(jnp.abs(profiles), axis=1, keepdims=True)
  flat = span < _FLAT * (1. + size)
  return jnp.where(flat, 0., (profiles - low) / jnp.where(flat, 1., span))


def gray(images):
  """Luma of [n, h, w, 3], the only channel of [n, h, w, 1]: [n, h, w]."""
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
      of the array, half a pixel off it for even sizes, as in the code that
      published curves were made with.
    keep_edge_bins: keep the first ring, with the zero frequency, and the
      last, in the corners; that code drops them.
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
