"""Convolutions of 2, 3 or 5 taps along either axis, with fewer products.

Winograd's minimal filtering (Lavin and Gray, 2016). Along one axis, t + 1
inputs x and t taps k give 2 outputs OUT ((TAPS k) * (IN x)) with t + 1
products; along both axes each matrix is applied to rows and to columns. So 2 x
2 outputs have 16 products for 3 x 3 taps, not 36, and 36 for 5 x 5, not 100. So
many images are taken at a time that what is written between the steps is still
in the processor's cache when it is read.

The matrices follow from the points at which polynomials are multiplied: 0, 1
and infinity, with 3 taps -1 too, with 5 also 1/2 and -2: of some pairs of small
fractions these have the least rounding errors, those of the definition's sums.

A dilated kernel moves over the maps of every s-th pixel, each by itself; one of
stride s over all of them together, as channels.
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
    2: _Axis(((1, -1, 0), (0, 1, 0), (0, -1, 1)), ((1, 0), (1, 1), (0, 1)),
             ((1, 1, 0), (0, 1, 1))),
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


def written(taps, out, channels):
  """Bytes of an image's IN x, or of its products."""
  tiles = -(-out[0] // 2) * -(-out[1] // 2)
  return (taps[0] + 1) * (taps[1] + 1) * tiles * channels * 4


def convolve(x, kernel, window, out, images):
  """conv.convolve, of a kernel whose taps at every s-th pixel are of TAPS.

  Args:
    x: [b, h, w, c] float32.
    kernel: [kh, kw, c, d] float32.
    window: conv.Window of one group. Where it is dilated, its stride is 1; else
      its stride divides kh and kw.
    out: size of the output.
    images: how many are taken at a time, a divisor of b and, if the kernel is
      dilated, of the maps that `phases` counts.

  Returns:
    [b, *out, d].
  """
  before = _before(window)
  if window.dilation != (1, 1):
    _, size = phases(1, out, window.dilation)
    y = _convolve(
        _phased(x, window.dilation, before, _seen(size, kernel.shape)), kernel,
        (0, 0), size, images)
    return _joined(y, window.dilation)[:, :out[0], :out[1]]
  if window.stride != (1, 1):
    kernel = _folded_kernel(kernel, window.stride)
    x = _folded(x, window.stride, before, _seen(out, kernel.shape))
    before = 0, 0
  return _convolve(x, kernel, before, out, images)


def transpose(y, kernel, window, size, images):
  """conv.transpose, likewise.

  Args:
    y: [b, *out, d] float32.
    kernel, window, images: as of `convolve`.
    size: (h, w).

  Returns:
    [b, h, w, c].
  """
  steps, before = window.dilation, _before(window)
  if window.stride != (1, 1):
    kernel = _folded_kernel(kernel, window.stride)
    taps = kernel.shape[:2]
    folded = _seen(y.shape[1:3], taps)
    x = _unfolded(_convolve(y, kernel[::-1, ::-1], [k - 1 for k in taps],
                            folded, images, transposed=True), window.stride)
    edges = [(-lo, n + lo - has, 0)
             for lo, n, has in zip(before, size, x.shape[1:3])]
    return jax.lax.pad(x, jnp.zeros((), x.dtype), [(0,) * 3, *edges, (0,) * 3])
  # With a flipped kernel it is a convolution itself.
  kernel = kernel[::-1, ::-1]
  before = [s * (k - 1) - lo for s, k, lo in zip(steps, kernel.shape, before)]
  if steps == (1, 1):
    return _convolve(y, kernel, before, size, images, transposed=True)
  _, small = phases(1, size, steps)
  x = _convolve(_phased(y, steps, before, _seen(small, kernel.shape)), kernel,
                (0, 0), small, images, transposed=True)
  return _joined(x, steps)[:, :size[0], :size[1]]


def correlate(x, y, window, taps, images):
  """conv.correlate, likewise.

  Args:
    x: [b, h, w, c] float32.
    y: [b, *out, d] float32.
    window, images: as of `convolve`.
    taps: (kh, kw).

  Returns:
    [kh, kw, c, d].
  """
  before, out = _before(window), y.shape[1:3]
  if window.dilation != (1, 1):
    _, out = phases(1, out, window.dilation)
    x = _phased(x, window.dilation, before, _seen(out, taps))
    y, before = _phased(y, window.dilation, (0, 0), out), (0, 0)
  if window.stride == (1, 1):
    return _correlate(x, y, before, taps, images)
  few = [k // s for k, s in zip(taps, window.stride)]
  x = _folded(x, window.stride, before, _seen(out, few))
  return _unfolded_kernel(_correlate(x, y, (0, 0), few, images), window.stride)


def phases(batch, size, steps):
  """The maps of every s-th pixel, from each of the first ones on.

  steps: s, (rows, columns).

  Returns:
    Their number, and their size in place of `size`.
  """
  return batch * math.prod(steps), tuple(
      -(-n // s) for n, s in zip(size, steps))


def _phased(x, steps, before, size):
  """The maps of every s-th pixel: [rows * columns * b, *size, c].

  Args:
    x: [b, h, w, c].
    steps: s, (rows, columns).
    before: zeros (above, left of) the first pixel; negative numbers crop.
    size: of the maps.
  """
  x = _split(x, steps, before, size)
  return x.transpose(2, 4, 0, 1, 3, 5).reshape(-1, *size, x.shape[5])


def _joined(x, steps):
  """The maps of which these are every s-th pixel; the inverse of `_phased`."""
  _, h, w, c = x.shape
  x = x.reshape(*steps, -1, h, w, c).transpose(2, 3, 0, 4, 1, 5)
  return x.reshape(-1, h * steps[0], w * steps[1], c)


def _folded(x, steps, before, size):
  """The maps of every s-th pixel, as channels: [b, *size, rows * columns * c].

  Arguments as of `_phased`. A kernel of stride s is one of stride 1 on them.
  """
  x = _split(x, steps, before, size)
  return x.transpose(0, 1, 3, 2, 4, 5).reshape(
      x.shape[0], *size, math.prod(steps) * x.shape[5])


def _unfolded(x, steps):
  """The maps that were folded; the inverse of `_folded`."""
  b, h, w, _ = x.shape
  x = x.reshape(b, h, w, *steps, -1).transpose(0, 1, 3, 2, 4, 5)
  return x.reshape(b, h * steps[0], w * steps[1], -1)


def _folded_kernel(kernel, steps):
  """The kernel of folded maps: [kh / s, kw / s, rows * columns * c, d]."""
  kh, kw, c, d = kernel.shape
  (rows, columns), few = steps, (kh // steps[0], kw // steps[1])
  kernel = kernel.reshape(few[0], rows, few[1], columns, c, d)
  return kernel.transpose(0, 2, 1, 3, 4, 5).reshape(
      *few, rows * columns * c, d)


def _unfolded_kernel(kernel, steps):
  """The inverse of `_folded_kernel`."""
  kh, kw, _, d = kernel.shape
  kernel = kernel.reshape(kh, kw, *steps, -1, d).transpose(0, 2, 1, 3, 4, 5)
  return kernel.reshape(kh * steps[0], kw * steps[1], -1, d)


def _split(x, steps, before, size):
  """Pads maps and splits their axes: [b, size, rows, size, columns, c]."""
  x = padded(x, [(lo, s * length - n - lo) for lo, s, length, n in zip(
      before, steps, size, x.shape[1:3])])
  return x.reshape(x.shape[0], size[0], steps[0], size[1], steps[1], x.shape[3])


def _seen(out, taps):
  """Size of the map that so many outputs of a kernel see."""
  return [n + k - 1 for n, k in zip(out, taps)]


def _before(window):
  """The zeros above and left of a map."""
  return tuple(lo for lo, _ in window.padding)


def _convolve(x, kernel, before, out, images, transposed=False):
  """`convolve` by single steps.

  before: zeros (above, left of) the map that the first output sees; negative
    numbers crop.
  transposed: the kernel is [kh, kw, d, c].
  """
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


def _correlate(x, y, before, taps, images):
  """`correlate` by single steps; before: as of `_convolve`."""
  if images == len(x):
    return _part_of_kernel(x, y, before, taps)
  total, _ = jax.lax.scan(
      lambda total, pair: (total + _part_of_kernel(*pair, before, taps), None),
      jnp.zeros((*taps, x.shape[3], y.shape[3]), x.dtype),
      (_parted(x, images), _parted(y, images)))
  return total


def _part_of_kernel(x, y, before, taps):
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
