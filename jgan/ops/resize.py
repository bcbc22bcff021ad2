"""Resizing of images as TensorFlow 1, PyTorch and Pillow do it."""
import jax.numpy as jnp
import numpy as np


def bilinear(x, size, *, half_pixel):
  """Resizes [n, h, w, c] float32 to [n, size, size, c].

  Output i is sampled at input position i h / size, as in
  tf.image.resize_bilinear of TensorFlow 1, or with half_pixel at
  (i + 1/2) h / size - 1/2, clipped, as in PyTorch and most other libraries.
  Both skip pixels when an image shrinks.
  """
  for axis in (2, 1):
    low, high, fraction = _taps(x.shape[axis], size, half_pixel)
    shape = [1] * x.ndim
    shape[axis] = size
    a, b = jnp.take(x, low, axis), jnp.take(x, high, axis)
    x = a + (b - a) * fraction.reshape(shape)
  return x


def _taps(length, size, half_pixel):
  """Left and right neighbours [size] int, and weight of the right, float32.

  Computed in float32 throughout, as in both frameworks: the fourth digit of
  the weights of the last pixels depends on it.
  """
  scale = np.float32(length) / np.float32(size)
  position = np.arange(size, dtype=np.float32)
  if half_pixel:
    half = np.float32(.5)
    position = np.maximum((position + half) * scale - half, np.float32(0))
  else:
    position = position * scale
  low = np.minimum(position.astype(np.int32), length - 1)
  return low, np.minimum(low + 1, length - 1), position - low.astype(np.float32)


_BITS = 22  # of Pillow's weights, behind the point


def pillow_bicubic(x, size):
  """Resizes [n, h, w, c] uint8 to [n, size, size, c], bit for bit as Pillow.

  Its bicubic filter (a = -1/2) is widened where an image shrinks, which is
  called antialiasing. It computes in integers, and rounds to grey levels after
  each direction, the width first. (From version 13 on it begins with the
  height where that shrinks by much more.)
  """
  for axis in (2, 1):
    first, weights = _pillow_taps(x.shape[axis], size)
    shape = [1] * x.ndim
    shape[axis] = size
    total = jnp.int32(1 << (_BITS - 1))  # a half, to round
    for tap, weight in enumerate(weights.T):
      at = np.minimum(first + tap, x.shape[axis] - 1)  # its weight is 0 beyond
      total += jnp.take(x, at, axis).astype(jnp.int32) * weight.reshape(shape)
    x = jnp.clip(total >> _BITS, 0, 255).astype(jnp.uint8)
  return x


def _pillow_taps(length, size):
  """First input pixel [size] int, and weights [size, taps] int32."""
  scale = length / size
  wide = max(scale, 1.)
  centre = (np.arange(size) + .5) * scale
  first = np.maximum(centre - 2. * wide + .5, 0.).astype(int)
  last = np.minimum((centre + 2. * wide + .5).astype(int), length)
  at = first[:, None] + np.arange(np.max(last - first))
  t = np.abs(at - centre[:, None] + .5) / wide
  weights = np.where(t < 1., (1.5 * t - 2.5) * t**2 + 1.,
                     ((2.5 - .5 * t) * t - 4.) * t + 2.)
  weights = np.where((t < 2.) & (at < last[:, None]), weights, 0.)
  weights *= 2**_BITS / weights.sum(1, keepdims=True)
  # To the nearest integer, halves away from zero.
  return first, np.trunc(weights + np.copysign(.5, weights)).astype(np.int32)
