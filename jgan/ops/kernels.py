"""Kernels of squared distances, for the maximum mean discrepancy (MMD).

Each is the mean of one kernel over several scales, so it is 1 at distance 0
and lies in [0, 1]. In papers that sum over n scales (Li et al., 2017;
Binkowski et al., 2018) the values are n times as large.
"""
import jax.numpy as jnp

__all__ = ['gaussian', 'rational_quadratic']


def squared_distances(a, b):
  """[m, d] and [n, d] -> [m, n] float32, the squared Euclidean distances.

  Computed from the differences, not from a Gram matrix: equal rows have a
  distance of exactly 0, and close ones suffer no cancellation.
  """
  a, b = jnp.asarray(a, jnp.float32), jnp.asarray(b, jnp.float32)
  return jnp.sum((a[:, None] - b[None])**2, axis=-1)


def gaussian(d2, scales=(1.,)):
  """Mean of exp(-d2 / (2 s^2)) over the standard deviations s (Li et al.).

  d2: squared distances of any shape; scales: positive, at least one.
  """
  return sum(jnp.exp(-d2 / (2. * s**2)) for s in scales) / len(scales)


def rational_quadratic(d2, scales=(1.,)):
  """Mean of (1 + d2 / (2 s))^-s over the shapes s (Binkowski et al.).

  Its tails are heavier than the Gaussian's, which is its limit for large s;
  its length scale is 1 for every s. Arguments as in `gaussian`.
  """
  # By log1p, because 1 + d2 / (2 s) loses precision for a large s.
  return sum(jnp.exp(-s * jnp.log1p(d2 / (2. * s)))
             for s in scales) / len(scales)
