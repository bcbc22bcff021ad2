"""Convolutions by 3 x 3 taps, with 16 products for 2 x 2 outputs, not 36.

Winograd's minimal filtering (Lavin and Gray, 2016). Along one axis, 4 inputs x
and 3 taps k give the 2 outputs OUT ((TAPS k) * (IN x)) with 4 products; along
both axes each matrix is applied to rows and to columns. The sums are as exact
as those of the definition. So many images are taken at a time that what is
written between the steps is still in the processor's cache when it is read.
"""
import jax
import jax.numpy as jnp

_IN = (1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, -1, 0, 1)
_TAPS = (1, 0, 0), (.5, .5, .5), (.5, -.5, .5), (0, 0, 1)
_OUT = (1, 1, 1, 0), (0, 1, -1, 1)


def written(out, channels):
  """Bytes of an image's IN x, or of its products: 4 numbers for each output."""
  tiles = -(-out[0] // 2) * -(-out[1] // 2)
  return 16 * tiles * channels * 4


def convolve(x, kernel, before, out, images, transposed=False):
  """y[o] = sum_j kernel[j] x[o - before + j].

  Args:
    x: [b, h, w, c] float32, zero beyond its borders.
    kernel: [3, 3, c, d], or [3, 3, d, c] if it is `transposed`.
    before: zeros (above, left of) the map that the first output sees; negative
      numbers crop.
    out: size of the output.
    images: how many are taken at a time, a divisor of b.

  Returns:
    [b, *out, d].
  """
  d = kernel.shape[2 if transposed else 3]
  tiles = tuple(-(-n // 2) for n in out)
  factors = _applied(_TAPS, [list(row) for row in kernel])
  if transposed:
    factors = [[u.T for u in row] for row in factors]

  def part(x):
    products = [[(v.reshape(-1, v.shape[3]) @ u).reshape(images, *tiles, d)
                 for v, u in zip(*rows)]
                for rows in zip(_of_tiles(x, before, tiles), factors)]
    y = jnp.stack([jnp.stack(row, 3) for row in _applied(_OUT, products)], 2)
    y = y.reshape(images, 2 * tiles[0], 2 * tiles[1], d)
    return y[:, :out[0], :out[1]]

  if images == len(x):
    return part(x)
  return jax.lax.map(part, _parted(x, images)).reshape(len(x), *out, d)


def correlate(x, y, before, images):
  """Gradient of sum(y convolve(x, kernel, before, out)) by the kernel.

  Args:
    x: [b, h, w, c] float32.
    y: [b, *out, d] float32.
    before, images: as of `convolve`.

  Returns:
    [3, 3, c, d].
  """
  if images == len(x):
    return _correlate(x, y, before)
  total, _ = jax.lax.scan(
      lambda total, pair: (total + _correlate(*pair, before), None),
      jnp.zeros((3, 3, x.shape[3], y.shape[3]), x.dtype),
      (_parted(x, images), _parted(y, images)))
  return total


def _correlate(x, y, before):
  (_, h, w, d), c = y.shape, x.shape[3]
  y = jnp.pad(y, ((0, 0), (0, h % 2), (0, w % 2), (0, 0)))
  outputs = _applied(
      tuple(zip(*_OUT)),
      [[y[:, i::2, j::2] for j in range(2)] for i in range(2)])
  products = [[v.reshape(-1, c).T @ p.reshape(-1, d) for v, p in zip(*rows)]
              for rows in zip(_of_tiles(x, before, outputs[0][0].shape[1:3]),
                              outputs)]
  kernel = _applied(tuple(zip(*_TAPS)), products)
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


def _of_tiles(x, before, tiles):
  """IN x of every tile of 2 x 2 outputs: a grid of 4 x 4 [b, *tiles, c]."""
  pads = [(lo, 2 * t + 2 - n - lo)
          for lo, t, n in zip(before, tiles, x.shape[1:3])]
  x = padded(x, pads)
  at = lambda i, size: slice(i, i + 2 * size - 1, 2)
  return _applied(_IN, [[x[:, at(i, tiles[0]), at(j, tiles[1])]
                         for j in range(4)] for i in range(4)])


def _applied(matrix, grid):
  """Applies a matrix to the columns and to the rows of a grid of arrays."""
  grid = [[_combined(line, column) for column in zip(*grid)]
          for line in matrix]
  return [[_combined(line, row) for line in matrix] for row in grid]


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
