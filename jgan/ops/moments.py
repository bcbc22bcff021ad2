"""Mean and covariance of rows that are seen batch by batch, on the devices.

The sums are in float32, and as exact as sums in float64: of the rows a fixed
vector is subtracted, the mean of the first batch, since raw squares would lose
the variance of features with a large mean; and each sum is a pair of float32,
of which the second one has the rounding errors of the first (Knuth, 1997,
section 4.2.2, theorem B). What remains are the errors of a product within one
batch, of both signs, which the sum over the batches averages out.
"""
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Sums(NamedTuple):
  """Sums over the rows of all batches so far.

  Attributes:
    count: number of rows, int32.
    bad: number of further rows that were not finite, int32.
    shift: [d], subtracted from each row.
    first: ([d], [d]), the sum of the rows and its rounding error.
    second: ([d, d], [d, d]), the same of their outer products.
  """
  count: jax.Array
  bad: jax.Array
  shift: jax.Array
  first: tuple[jax.Array, jax.Array]
  second: tuple[jax.Array, jax.Array]


def empty(dim):
  """The sums of no rows of `dim` features."""
  pair = lambda *shape: (jnp.zeros(shape), jnp.zeros(shape))
  zero = jnp.zeros((), jnp.int32)
  return Sums(zero, zero, jnp.zeros(dim), pair(dim), pair(dim, dim))


def add(sums, rows, count):
  """Adds the first `count` rows of [b, d] float32; the others are padding."""
  valid = jnp.arange(len(rows)) < count
  finite = valid & jnp.all(jnp.isfinite(rows), axis=1)
  rows = jnp.where(finite[:, None], rows, 0.)
  n = jnp.sum(finite, dtype=jnp.int32)
  shift = jnp.where(sums.count == 0, jnp.sum(rows, 0) / jnp.maximum(n, 1),
                    sums.shift)
  rows = jnp.where(finite[:, None], rows - shift, 0.)
  squares = jnp.matmul(rows.T, rows, precision='highest')
  return Sums(sums.count + n,
              sums.bad + jnp.sum(valid, dtype=jnp.int32) - n, shift,
              _plus(sums.first, jnp.sum(rows, 0)), _plus(sums.second, squares))


def _plus(pair, x):
  """Adds x to a sum with its rounding error."""
  total, error = pair
  new = total + x
  part = new - total
  return new, error + ((total - (new - part)) + (x - part))


def mean_and_scatter(sums):
  """The mean [d], and the sum of outer products of the centred rows [d, d].

  sums: as numpy arrays; one row or more.

  Returns:
    Arrays of float64.
  """
  first, second = (a.astype(np.float64) + b for a, b in sums[3:])
  mean = first / sums.count
  second -= np.outer(mean, first)
  return sums.shift + mean, second
