"""k-nearest neighbours and the balls that reach to them.

Distances are computed on the accelerator in float32, one block of rows of the
[n, m] distance matrix at a time. |x|^2 + |y|^2 - 2 x.y suffers from
cancellation where points are near, so the points are centred first, and
squared distances below the rounding error of the norms are set to 0: copies
are at distance 0.
"""
import functools

import jax
import jax.numpy as jnp
import numpy as np

_ENTRIES = 2**25  # distances in a block, 128 MiB
_ROUNDING = 16 * np.finfo(np.float32).eps


def radii(points, k):
  """Squared distance of each point to its k-th neighbour: [n] float32.

  points: [n, d], n greater than k.
  """
  neighbours = []
  for rows, squares in _blocks(points, points):
    neighbours.append(
        _smallest(squares, np.arange(rows.start, rows.stop), k)[0])
  return np.concatenate([np.asarray(block[:, -1]) for block in neighbours])


def inside(centres, squares, queries, *, strict):
  """Which points lie in which balls.

  Args:
    centres: [n, d], of the balls.
    squares: [n], their squared radii.
    queries: [m, d].
    strict: whether a point on the surface counts as outside.

  Returns:
    [m] int, the number of balls that contain each query; [n] bool, whether
    each ball contains a query.
  """
  counts, hits = 0, []
  for rows, block in _blocks(centres, queries):
    block_counts, block_hits = _contained(block, squares[rows], strict)
    counts += np.asarray(block_counts, np.int64)
    hits.append(np.asarray(block_hits))
  return counts, np.concatenate(hits)


def nearest(queries, points, k, *, itself=None):
  """The k points nearest to each query, nearest first.

  Args:
    queries: [m, d].
    points: [n, d], n of k or more (k + 1 with `itself`).
    itself: [m] int, for queries that are points themselves: the index of each
      query, which is not among its own neighbours.

  Returns:
    Indices [m, k] and the distances of these points [m, k], recomputed in
    float64.
  """
  itself = -np.ones(len(queries), int) if itself is None else itself
  indices = np.concatenate([
      np.asarray(_smallest(squares, itself[rows], k)[1])
      for rows, squares in _blocks(queries, points)])
  distances = np.stack([
      _gaps(queries, points, indices[:, j]) for j in range(k)], axis=1)
  order = np.argsort(distances, axis=1, kind='stable')
  return (np.take_along_axis(indices, order, axis=1),
          np.take_along_axis(distances, order, axis=1))


def _gaps(queries, points, indices):
  """Distance of query i to points[indices[i]]: [m] float64."""
  gaps = [np.linalg.norm(q.astype(np.float64) - points[i])
          for q, i in zip(queries, indices)]
  return np.array(gaps)


def _blocks(rows, columns):
  """Yields (slice, [b, m] squared distances of rows[slice] to the columns)."""
  # Both are centred alike, so their differences do not change.
  centre = np.mean(rows, axis=0, dtype=np.float64)
  columns = jax.device_put(np.float32(columns - centre))
  size = max(1, _ENTRIES // len(columns))
  for start in range(0, len(rows), size):
    block = slice(start, min(start + size, len(rows)))
    yield block, _squares(np.float32(rows[block] - centre), columns)


@jax.jit
def _squares(x, y):
  """Squared distances: [b, d], [m, d] -> [b, m]."""
  norms = jnp.sum(x**2, 1)[:, None] + jnp.sum(y**2, 1)[None]
  # By default accelerators multiply float32 at reduced precision.
  squares = norms - 2. * jnp.matmul(x, y.T, precision='highest')
  return jnp.where(squares > _ROUNDING * norms, squares, 0.)


@functools.partial(jax.jit, static_argnums=2)
def _smallest(squares, itself, k):
  """The k least of each row of [b, m] but `itself`, and their columns."""
  columns = jnp.arange(squares.shape[1])
  squares = jnp.where(columns == itself[:, None], jnp.inf, squares)
  values, indices = jax.lax.top_k(-squares, k)
  return -values, indices


@functools.partial(jax.jit, static_argnums=2)
def _contained(squares, squared_radii, strict):
  """Balls (rows) that contain each query (column); which balls contain any."""
  squared_radii = squared_radii[:, None]
  inside = squares < squared_radii if strict else squares <= squared_radii
  return jnp.sum(inside, axis=0), jnp.any(inside, axis=1)
