"""Affine maps of images, between wavelet filters (Karras et al., 2020).

Linear interpolation between the pixels of a picture blurs it, and a
discriminator that only sees blurred ones lets the generator blur. So images
are enlarged twice, interpolated linearly there, and reduced again, with an
orthogonal filter: a map that does nothing gives the image back.
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
# Pixel n of the image stands at sample 2n of the enlarged one: where the
# filter has its largest tap.
CENTRE = 5


def affine(images, inverse):
  """Moves pixels by affine maps; beyond its border an image is reflected.

  Args:
    images: [b, h, w, c], h and w at least 2.
    inverse: [b, 3, 3], maps (x, y, 1) in the result to where its colour comes
      from: pixels right of and below the image's centre.

  Returns:
    [b, h, w, c]; its gradient is that of a linear map.
  """
  _, h, w, _ = images.shape
  # A reflected image is periodic: one period holds all there is to sample.
  period = jnp.einsum('ih,bhwc,jw->bijc', _enlarge(h), images, _enlarge(w),
                      precision='highest')
  right, down = _positions(w), _positions(h)[:, None]
  a = inverse[:, :, :, None, None]
  x, y = (a[:, i, 0] * right + a[:, i, 1] * down + a[:, i, 2] for i in (0, 1))
  samples = _interpolate(period, 2. * x + (w - 1), 2. * y + (h - 1))
  return jnp.einsum('hk,bklc,wl->bhwc', _reduce(h), samples, _reduce(w),
                    precision='highest')


def _interpolate(image, x, y):
  """Bilinear: one period of images and a sample [b, i+1, j+1, c], positions
  x, y [b, k, l] -> [b, k, l, c].
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
  """Where the samples that n pixels are reduced from stand: pixels right of,
  or below, the centre."""
  samples = np.arange(2 * n + 10) - CENTRE
  return np.float32(samples / 2. - (n - 1) / 2.)


def _enlarge(n):
  """n pixels -> one period of the reflected row, twice enlarged, and its first
  sample again: [4n-3, n]."""
  pixels = 2 * n - 2
  sample = np.arange(2 * pixels + 1)
  matrix = np.zeros((len(sample), n), np.float32)
  for k, tap in enumerate(SYM6):
    twice = sample + CENTRE - k
    even = twice % 2 == 0
    pixel = twice[even] // 2 % pixels
    np.add.at(matrix, (sample[even], np.minimum(pixel, pixels - pixel)),
              2. * tap)
  return matrix


def _reduce(n):
  """The samples at `_positions` -> n pixels: [n, 2n+10]."""
  matrix = np.zeros((n, 2 * n + 10), np.float32)
  for pixel in range(n):
    matrix[pixel, 2 * pixel:2 * pixel + len(SYM6)] = SYM6
  return matrix
