"""Bilinear resizing without antialias, as two frameworks define it."""
import jax.numpy as jnp
import numpy as np


def bilinear(x, size, *, half_pixel):
  """Resizes [n, h, w, c] float32 to [n, size, size, c].

  Output i looks at input position i h / size, as tf.image.resize_bilinear of
  TensorFlow 1 does, or with half_pixel at (i + 1/2) h / size - 1/2, clipped,
  as PyTorch and everybody else does. Of a shrunk image both skip pixels.
  """
  for axis in (2, 1):
    low, high, fraction = _taps(x.shape[axis], size, half_pixel)
    shape = [1] * x.ndim
    shape[axis] = size
    a, b = jnp.take(x, low, axis), jnp.take(x, high, axis)
    x = a + (b - a) * fraction.reshape(shape)
  return x


def _taps(length, size, half_pixel):
  """Left and right neighbours [size] int and the right one's share, float32.

  Computed in float32 throughout, as the originals do: the share of the last
  pixels depends on it in the fourth digit.
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
