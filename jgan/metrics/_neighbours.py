"""Nearest neighbours and balls around them, in blocks of rows.

Distances are float32 on the accelerator, a block of rows at a time: of all
n x m no more than a block is ever held. |x|^2 + |y|^2 - 2 x.y cancels where
points are near, so the points are centred first, and squares below the
rounding of the norms are zeros: copies are at distance 0.
"""
import functools

import jax
import jax.numpy as jnp
import numpy as np

_ENTRIES = 2**25  # distances held at once, 128 MiB
_ROUNDING = 16 * np.finfo(np.float32).eps


def radii(points, k):
  """Squared distance of each point to its k-th nearest other: [n] float32.

  points: [n, d], n greater than k.
  """
  found = []
  for rows, squares in _blocks(points, points):
    found.append(_smallest(squares, np.arange(rows.start, rows.stop), k)[0])
  return np.concatenate([np.asarray(f[:, -1]) for f in found])


def inside(centres, squares, queries, *, strict):
  """Which points lie in which balls.

  Args:
    centres: [n, d], of the balls.
    squares: [n], their radii squared.
    queries: [m, d].
    strict: whether a point on the surface is outside.

  Returns:
    [m] int, the number of balls that hold each query; [n] bool, whether a
    ball holds any.
  """
  counts, hits = 0, []
  for rows, block in _blocks(centres, queries):
    held, hit = _held(block, squares[rows], strict)
    counts += np.asarray(held, np.int64)
    hits.append(np.asarray(hit))
  return counts, np.concatenate(hits)


def nearest(queries, points, k, *, itself=None):
  """The k points nearest to each query, nearest first.

  Args:
    queries: [m, d].
    points: [n, d], n of k or more (k + 1 with `itself`).
    itself: [m] int, a point each query may not find, for queries that are
      points themselves.

  Returns:
    Indices [m, k] and distances [m, k] float64, exact for the points found.
  """
  nobody = -np.ones(len(queries), int)
  itself = nobody if itself is None else itself
  indices = np.concatenate([
      np.asarray(_smallest(squares, itself[rows], k)[1])
      for rows, squares in _blocks(queries, points)])
  distances = np.stack([
      _gaps(queries, points, indices[:, j]) for j in range(k)], axis=1)
  order = np.argsort(distances, axis=1, kind='stable')
  return (np.take_along_axis(indices, order, axis=1),
          np.take_along_axis(distances, order, axis=1))


def _gaps(queries, points, indices):
  """Distance of each query to the point of that index: [m] float64."""
  gaps = [np.linalg.norm(q.astype(np.float64) - points[i])
          for q, i in zip(queries, indices)]
  return np.array(gaps)


def _blocks(rows, columns):
  """Yields (slice, [b, m] squared distances of rows[slice] to the columns)."""
  # One centre for both: their differences stay as they are.
  centre = np.mean(rows, axis=0, dtype=np.float64)
  columns = jax.device_put(np.float32(columns - centre))
  size = max(1, _ENTRIES // len(columns))
  for start in range(0, len(rows), size):
    taken = slice(start, min(start + size, len(rows)))
    yield taken, _squares(np.float32(rows[taken] - centre), columns)


@jax.jit
def _squares(x, y):
  """[b, d], [m, d] -> [b, m]."""
  norms = jnp.sum(x**2, 1)[:, None] + jnp.sum(y**2, 1)[None]
  # Accelerators multiply float32 in fewer bits unless told not to.
  squares = norms - 2. * jnp.matmul(x, y.T, precision='highest')
  return jnp.where(squares > _ROUNDING * norms, squares, 0.)


@functools.partial(jax.jit, static_argnums=2)
def _smallest(squares, itself, k):
  """The k least of each row of [b, m] and where they are, without `itself`."""
  columns = jnp.arange(squares.shape[1])
  squares = jnp.where(columns == itself[:, None], jnp.inf, squares)
  values, indices = jax.lax.top_k(-squares, k)
  return -values, indices


@functools.partial(jax.jit, static_argnums=2)
def _held(squares, radii, strict):
  """Number of balls (rows) over each column; whether a ball has any."""
  radii = radii[:, None]
  held = squares < radii if strict else squares <= radii
  return jnp.sum(held, axis=0), jnp.any(held, axis=1)
