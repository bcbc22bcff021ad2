"""Upsample, FIR filter and downsample: StyleGAN2's upfirdn2d.

The filters of StyleGAN2 (Karras et al., 2020) are separable, so each axis is
filtered by itself, as a sum of shifted slices. XLA's depthwise convolution
gives the same result, but on a CPU it is a hundred times slower (57 against
.5 ms to double [8, 16, 16, 64]).
"""
import jax
import jax.numpy as jnp

BINOMIAL = (1 / 8, 3 / 8, 3 / 8, 1 / 8)
"""StyleGAN2's filter along one axis, of sum 1."""


def upfirdn(x, taps, *, up=1, down=1, pad=(0, 0)):
  """Upsamples, filters and downsamples both axes of a feature map.

  Along each axis, up - 1 zeros are inserted after every pixel, the ends are
  padded by `pad` zeros, the result is convolved with the taps ('valid'), and
  every down-th value is kept. Upsampling divides the mean by `up` per axis;
  taps whose sum is `up` restore it.

  Args:
    x: [b, h, w, c].
    taps: the filter along one axis, floats.
    up, down: integer factors.
    pad: zeros (before, after); negative numbers crop.

  Returns:
    [b, h', w', c], h' = (up h + sum(pad) - len(taps)) // down + 1.
  """
  zero = jnp.zeros((), x.dtype)
  for axis in (1, 2):
    edges = [(0, 0, 0)] * 4
    edges[axis] = (pad[0], pad[1] + up - 1, up - 1)
    padded = jax.lax.pad(x, zero, edges)
    reach = padded.shape[axis] - len(taps) + 1
    # A convolution flips its filter.
    x = sum(tap * jax.lax.slice_in_dim(padded, k, k + reach, down, axis)
            for k, tap in enumerate(reversed(taps)))
  return x


def blur(x, pad, *, gain=1.):
  """Filters with `gain` times BINOMIAL per axis: [b, h, w, c] -> the same,
  sum(pad) - 3 pixels larger.
  """
  return upfirdn(x, [gain * tap for tap in BINOMIAL], pad=pad)


def double(x):
  """[b, h, w, c] -> [b, 2h, 2w, c]; preserves constants, except at borders."""
  return upfirdn(x, [2 * tap for tap in BINOMIAL], up=2, pad=(2, 1))


def halve(x):
  """[b, h, w, c] -> [b, h/2, w/2, c], h and w even."""
  return upfirdn(x, BINOMIAL, down=2, pad=(1, 1))
