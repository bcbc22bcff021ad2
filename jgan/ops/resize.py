"""Bilinear resizing without antialiasing, as TensorFlow 1 and PyTorch do it."""
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
