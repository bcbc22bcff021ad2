"""Affine transformations of images with wavelet filters (Karras et al., 2020).

Linear interpolation blurs an image, and a discriminator that sees only blurred
images does not penalise a generator for blur. Therefore images are upsampled
by 2, interpolated linearly, and downsampled again. Both use an orthogonal
filter, so the identity map reproduces the image.
"""
import jax
import jax.numpy as jnp
import numpy as np

# The scaling filter of the least asymmetric wavelet with six vanishing moments
# (sym6; Daubechies, 1992), divided by sqrt(2): its sum is 1, and even
# shifts of it are orthogonal.
SYM6 = np.array([
    .015404109327027373, .0034907120842174702, -.11799011114819057,
    -.048311742585633, .4910559419267466, .787641141030194,
    .3379294217276218, -.07263752278646252, -.021060292512300564,
    .04472490177066578, .0017677118642428036, -.007800708325034148
]) / np.sqrt(2.)
# Index of the filter's largest tap, so that pixel n of the image is at sample
# 2n of the upsampled image.
CENTRE = 5


def affine(images, inverse):
  """Applies affine maps to images, which are reflected at their borders.

  Args:
    images: [b, h, w, c], h and w at least 2.
    inverse: [b, 3, 3], maps (x, y, 1) of the result to the position in the
      image, in pixels right of and below its centre.

  Returns:
    [b, h, w, c]; its gradient is that of a linear map.
  """
  _, h, w, _ = images.shape
  # A reflected image is periodic, so one period is enough.
  period = jnp.einsum('ih,bhwc,jw->bijc', _upsample(h), images, _upsample(w),
                      precision='highest')
  right, down = _positions(w), _positions(h)[:, None]
  a = inverse[:, :, :, None, None]
  x, y = (a[:, i, 0] * right + a[:, i, 1] * down + a[:, i, 2] for i in (0, 1))
  samples = _interpolate(period, 2. * x + (w - 1), 2. * y + (h - 1))
  return jnp.einsum('hk,bklc,wl->bhwc', _downsample(h), samples, _downsample(w),
                    precision='highest')


def _interpolate(image, x, y):
  """Bilinear interpolation: [b, k, l, c].

  Args:
    image: [b, i + 1, j + 1, c], one period of i x j samples, followed by the
      first row and column again.
    x, y: [b, k, l], positions in samples.
  """
  _, rows, columns, c = image.shape
  column, row = jnp.floor(x), jnp.floor(y)
  right_share, lower_share = (x - column)[..., None, None], (y - row)[..., None]
  # The four neighbours in one gather: its transpose is one scatter, not four.
  square = lambda image, i, j: jax.lax.dynamic_slice(image, (i, j, 0),
                                                     (2, 2, c))
  pixels = jax.vmap(jax.vmap(jax.vmap(square, (None, 0, 0)), (None, 0, 0)))(
      image, row.astype(jnp.int32) % (rows - 1),
      column.astype(jnp.int32) % (columns - 1))
  left, right = jnp.moveaxis(pixels, 4, 0)  # [b, k, l, 2, c] each
  above, below = jnp.moveaxis(left + (right - left) * right_share, 3, 0)
  return above + (below - above) * lower_share


def _positions(n):
  """Positions of the samples that n pixels are downsampled from: [2n + 10].

  They are in pixels right of, or below, the centre.
  """
  samples = np.arange(2 * n + 10) - CENTRE
  return np.float32(samples / 2. - (n - 1) / 2.)


def _upsample(n):
  """Matrix [4n - 3, n] that upsamples a reflected row of n pixels by 2.

  The result is one period and its first sample again.
  """
  pixels = 2 * n - 2
  sample = np.arange(2 * pixels + 1)
  matrix = np.zeros((len(sample), n), np.float32)
  for k, tap in enumerate(SYM6):
    index = sample + CENTRE - k
    even = index % 2 == 0
    pixel = index[even] // 2 % pixels
    np.add.at(matrix, (sample[even], np.minimum(pixel, pixels - pixel)),
              2. * tap)
  return matrix


def _downsample(n):
  """Matrix [n, 2n + 10] that downsamples samples at `_positions` by 2."""
  matrix = np.zeros((n, 2 * n + 10), np.float32)
  for pixel in range(n):
    matrix[pixel, 2 * pixel:2 * pixel + len(SYM6)] = SYM6
  return matrix
