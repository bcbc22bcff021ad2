"""Convolutions of 3 or 5 taps along either axis, with fewer products.

Winograd's minimal filtering (Lavin and Gray, 2016). Along one axis, t + 1
inputs x and t taps k give 2 outputs OUT ((TAPS k) * (IN x)) with t + 1
products; along both axes each matrix is applied to rows and to columns. So 2 x
2 outputs of 3 x 3 taps have 16 products, not 36, and of 5 x 5 taps 36, not 100.
So many images are taken at a time that what is written between the steps is
still in the processor's cache when it is read.

The matrices follow from points at which polynomials are multiplied: 0, 1, -1
and infinity, with 5 taps 1/2 and -2 too. Of all such pairs of small fractions
these leave the least rounding errors, which are those of the definition's sums.
"""
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp


class _Axis(NamedTuple):
  """The matrices of an axis: IN and TAPS of t + 1 rows, OUT of two."""
  inputs: tuple
  taps: tuple
  outputs: tuple


_AXES = {
    3: _Axis(
        ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, -1, 0, 1)),
        ((1, 0, 0), (.5, .5, .5), (.5, -.5, .5), (0, 0, 1)),
        ((1, 1, 1, 0), (0, 1, -1, 1))),
    5: _Axis(
        ((1, -1.5, -2, 1.5, 1, 0), (0, -1, .5, 2.5, 1, 0),
         (0, 1, -2.5, .5, 1, 0), (0, -2, -1, 2, 1, 0), (0, .5, -1, -.5, 1, 0),
         (0, 1, -1.5, -2, 1.5, 1)),
        ((1, 0, 0, 0, 0), (1/3, 1/3, 1/3, 1/3, 1/3),
         (-1/3, 1/3, -1/3, 1/3, -1/3), (-16/15, -8/15, -4/15, -2/15, -1/15),
         (1/15, -2/15, 4/15, -8/15, 16/15), (0, 0, 0, 0, 1)),
        ((1, 1, 1, 1, 1, 0), (0, 1, -1, .5, -2, 1))),
}
TAPS = *_AXES,
"""How many taps an axis may have."""


def phases(batch, size, steps):
  """The maps of every s-th pixel, from each of the first ones on.

  steps: s, (rows, columns).

  Returns:
    Their number, and their size in place of `size`.
  """
  return batch * math.prod(steps), tuple(
      -(-n // s) for n, s in zip(size, steps))


def written(taps, out, channels):
  """Bytes of an image's IN x, or of its products."""
  tiles = -(-out[0] // 2) * -(-out[1] // 2)
  return (taps[0] + 1) * (taps[1] + 1) * tiles * channels * 4


def convolve(x, kernel, before, out, images, dilation=(1, 1),
             transposed=False):
  """y[o] = sum_j kernel[j] x[o - before + dilation j].

  Args:
    x: [b, h, w, c] float32, zero beyond its borders.
    kernel: [kh, kw, c, d], or [kh, kw, d, c] if it is `transposed`; kh and kw
      are of TAPS.
    before: zeros (above, left of) the map that the first output sees; negative
      numbers crop.
    out: size of the output.
    images: how many are taken at a time, a divisor of b and, if the kernel is
      dilated, of the maps that `phases` counts.

  Returns:
    [b, *out, d].
  """
  if dilation != (1, 1):
    _, size = phases(1, out, dilation)
    seen = [n + k - 1 for n, k in zip(size, kernel.shape)]
    y = convolve(_phased(x, dilation, before, seen), kernel, (0, 0), size,
                 images, transposed=transposed)
    return _joined(y, dilation)[:, :out[0], :out[1]]
  d = kernel.shape[2 if transposed else 3]
  tiles = tuple(-(-n // 2) for n in out)
  axes = [_AXES[n] for n in kernel.shape[:2]]
  factors = _applied([axis.taps for axis in axes],
                     [list(row) for row in kernel])
  if transposed:
    factors = [[u.T for u in row] for row in factors]

  def part(x):
    products = [[(v.reshape(-1, v.shape[3]) @ u).reshape(images, *tiles, d)
                 for v, u in zip(*rows)]
                for rows in zip(_of_tiles(x, axes, before, tiles), factors)]
    y = jnp.stack([jnp.stack(row, 3) for row in _applied(
        [axis.outputs for axis in axes], products)], 2)
    y = y.reshape(images, 2 * tiles[0], 2 * tiles[1], d)
    return y[:, :out[0], :out[1]]

  if images == len(x):
    return part(x)
  return jax.lax.map(part, _parted(x, images)).reshape(len(x), *out, d)


def correlate(x, y, before, taps, images, dilation=(1, 1)):
  """Gradient of sum(y convolve(x, kernel, before, out)) by the kernel.

  Args:
    x: [b, h, w, c] float32.
    y: [b, *out, d] float32.
    before, images, dilation: as of `convolve`.
    taps: (kh, kw), of TAPS.

  Returns:
    [kh, kw, c, d].
  """
  if dilation != (1, 1):
    _, size = phases(1, y.shape[1:3], dilation)
    seen = [n + k - 1 for n, k in zip(size, taps)]
    x = _phased(x, dilation, before, seen)
    y, before = _phased(y, dilation, (0, 0), size), (0, 0)
  if images == len(x):
    return _correlate(x, y, before, taps)
  total, _ = jax.lax.scan(
      lambda total, pair: (total + _correlate(*pair, before, taps), None),
      jnp.zeros((*taps, x.shape[3], y.shape[3]), x.dtype),
      (_parted(x, images), _parted(y, images)))
  return total


def _correlate(x, y, before, taps):
  (_, h, w, d), c = y.shape, x.shape[3]
  axes = [_AXES[n] for n in taps]
  y = jnp.pad(y, ((0, 0), (0, h % 2), (0, w % 2), (0, 0)))
  outputs = _applied(
      [(*zip(*axis.outputs),) for axis in axes],
      [[y[:, i::2, j::2] for j in range(2)] for i in range(2)])
  tiles = outputs[0][0].shape[1:3]
  products = [[v.reshape(-1, c).T @ p.reshape(-1, d) for v, p in zip(*rows)]
              for rows in zip(_of_tiles(x, axes, before, tiles), outputs)]
  kernel = _applied([(*zip(*axis.taps),) for axis in axes], products)
  return jnp.stack([jnp.stack(row) for row in kernel])


def _parted(x, images):
  """[b, ...] -> [b / images, images, ...]."""
  return x.reshape(-1, images, *x.shape[1:])


def _phased(x, steps, before, size):
  """The maps of every s-th pixel.

  Args:
    x: [b, h, w, c].
    steps: s, (rows, columns).
    before: zeros (above, left of) the first pixel; negative numbers crop.
    size: of the maps.

  Returns:
    [rows * columns * b, *size, c].
  """
  x = padded(x, [(lo, s * length - n - lo) for lo, s, length, n in zip(
      before, steps, size, x.shape[1:3])])
  x = x.reshape(-1, size[0], steps[0], size[1], steps[1], x.shape[3])
  return x.transpose(2, 4, 0, 1, 3, 5).reshape(-1, *size, x.shape[5])


def _joined(x, steps):
  """The maps of which these are every s-th pixel; the inverse of `_phased`."""
  _, h, w, c = x.shape
  x = x.reshape(*steps, -1, h, w, c).transpose(2, 3, 0, 4, 1, 5)
  return x.reshape(-1, h * steps[0], w * steps[1], c)


def padded(x, pads):
  """Pads in memory: if fused, every shift would test for the border.

  pads: (before, after) of rows and of columns; negative numbers crop.
  """
  edges = [(0, 0, 0), *((lo, hi, 0) for lo, hi in pads), (0, 0, 0)]
  return jax.lax.optimization_barrier(
      jax.lax.pad(x, jnp.zeros((), x.dtype), edges))


def _of_tiles(x, axes, before, tiles):
  """IN x of every tile of 2 x 2 outputs: a grid of arrays [b, *tiles, c]."""
  sizes = [len(axis.inputs) for axis in axes]
  pads = [(lo, 2 * t + size - 2 - n - lo) for lo, t, size, n in zip(
      before, tiles, sizes, x.shape[1:3])]
  x = padded(x, pads)
  at = lambda i, size: slice(i, i + 2 * size - 1, 2)
  return _applied([axis.inputs for axis in axes],
                  [[x[:, at(i, tiles[0]), at(j, tiles[1])]
                    for j in range(sizes[1])] for i in range(sizes[0])])


def _applied(matrices, grid):
  """Applies one matrix to the columns, the other to the rows of a grid."""
  down, along = matrices
  grid = [[_combined(line, column) for column in zip(*grid)] for line in down]
  return [[_combined(line, row) for line in along] for row in grid]


def _combined(weights, terms):
  """sum_i weights[i] terms[i] of those that are not zero."""
  total = None
  for weight, term in zip(weights, terms):
    if weight == -1 and total is not None:
      total = total - term
    elif weight:
      term = term if weight == 1 else weight * term
      total = term if total is None else total + term
  return total
