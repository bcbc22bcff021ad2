"""Weights as int8, with a scale for each output channel.

An array w [..., t] of two or more axes among the parameters is stored as
q = round(w / s), of -127 to 127, with s [t] = max |w| / 127 over all but the
last axis: symmetric, so that 0 stays 0, and |w - s q| <= s / 2. Biases,
normalisations, those of classes too, and statistics stay float32. What reads a
file multiplies again: the numbers that a network computes with are s q, in
float32.
"""
import numpy as np

from jgan.errors import UserError

_STAY = 'scale', 'bias'  # of classes they have two axes
SCALES = 'int8/'
"""Of an array, its scales have this and its own name."""


def quantized(arrays):
  """The arrays of a network, those that can be as int8 and their scales.

  Args:
    arrays: {'params/...': array}, other names stay.

  Raises:
    UserError: an array is not finite.
  """
  out = {}
  for name, x in arrays.items():
    if not (name.startswith('params/') and x.ndim > 1
            and name.rpartition('/')[2] not in _STAY
            and np.issubdtype(x.dtype, np.floating)):
      out[name] = x
      continue
    if not np.isfinite(x).all():
      raise UserError(f'{name} is not finite, and has no form in int8')
    scale = np.abs(x).max(tuple(range(x.ndim - 1))).astype(np.float32) / 127
    # A channel of zeros has the scale 0.
    levels = np.rint(x / np.where(scale > 0, scale, 1.))
    out[name] = np.clip(levels, -127, 127).astype(np.int8)
    out[SCALES + name] = scale
  return out


def dequantized(arrays):
  """The inverse of `quantized`, up to what rounding lost: float32.

  Raises:
    UserError: scales are of no array of int8, or not one for each channel.
  """
  out = {name: x for name, x in arrays.items() if not name.startswith(SCALES)}
  for name, scale in arrays.items():
    if not name.startswith(SCALES):
      continue
    own = name.removeprefix(SCALES)
    x = out.get(own)
    if x is None or x.dtype != np.int8 or scale.shape != x.shape[-1:]:
      raise UserError(f"'{name}' are no scales of an array of int8: one for "
                      f"each of the last axis of '{own}' would be right")
    out[own] = x * scale.astype(np.float32)
  return out


def size(arrays):
  """Bytes of arrays."""
  return sum(x.nbytes for x in arrays.values())
