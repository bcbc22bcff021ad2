"""Canonical polyadic (CP) decomposition of a convolution's kernel.

K[i,j,c,t] = sum_r height[i,r] width[j,r] in[c,r] out[r,t] (Lebedev et al.,
2015), by alternating least squares (ALS). A CP can be degenerate: terms grow
without bound while they cancel each other, which makes fine-tuning unstable
(Phan et al., 2020). So a small ridge penalty bounds the terms, the norm of
each is spread evenly over its four vectors, and `largest_term` and
`log_sensitivity` measure the degeneracy.
"""
import math

import numpy as np
from tensorly.decomposition import parafac
from tensorly.tenalg import khatri_rao

from jgan.compress import weighted
from jgan.compress.forms import svd
from jgan.compress.tensorly_session import session
from jgan.errors import UserError

_RETRIES = 3  # further starts, if none of the restarts gave a finite fit


def factor(kernel, rank, *, seed=0, restarts=3, iterations=100, ridge=1e-7,
           tolerance=1e-6):
  """Fits the factors of a kernel: the best of several random starts.

  Args:
    kernel: [kh, kw, c, t].
    rank: number of terms, at least 1.
    seed: of the random starts.
    restarts: number of random starts.
    iterations: maximum ALS iterations per start.
    ridge: weight of the factors' squared norms relative to the squared error,
      for a kernel scaled to norm 1. 1e-5 and more cost accuracy.
    tolerance: ALS stops when the relative error changes by less.

  Returns:
    {'in': [c, rank], 'height': [kh, rank], 'width': [kw, rank],
    'out': [rank, t]}, float64.

  Raises:
    UserError: the rank is not positive, or no start gave a finite fit with a
      relative error below 1.
  """
  check(np.shape(kernel), rank)
  svd.check_values(kernel)
  kernel = np.asarray(kernel, np.float64)
  norm = np.linalg.norm(kernel)
  best, best_error = None, 1.
  for attempt in range(restarts + _RETRIES):
    if attempt >= restarts and best:
      break
    factors = _fit(kernel / norm, rank, seed + attempt, iterations, ridge,
                   tolerance)
    error = np.linalg.norm(kernel / norm - compose(factors)) if factors else 1.
    if error < best_error:  # False if it is not finite
      best, best_error = factors, error
  if not best:
    raise UserError(f'no decomposition of rank {rank} in {attempt + 1} '
                    f'attempts on a kernel of shape {kernel.shape}: try a '
                    'smaller rank')
  return {name: f * norm**.25 for name, f in best.items()}


def refit(kernel, factors, moments, iterations):
  """Factors of the same rank with a smaller error of the layer's outputs.

  By alternating least squares in the metric of compress/weighted.py, from
  factors of the kernel alone.

  Args:
    kernel: [kh, kw, c, t].
    factors: of `factor`.
    moments: [n, n], the second moments of compress/moments.py.
    iterations: of alternating least squares, at most.

  Returns:
    As `factor`; never with a larger error of the outputs than `factors`.
  """
  kernel = np.asarray(kernel, np.float64)

  def step(f):
    f = columns(f)
    for axis in range(3):
      f[axis] = weighted.along(axis, kernel, moments, f[axis],
                               khatri_rao(f, skip_matrix=axis))
    f[3] = weighted.outputs(kernel, moments, khatri_rao(f, skip_matrix=3)).T
    return balanced(f)

  return weighted.rounds(step, factors, compose, kernel, moments, iterations)


def compose(factors):
  """The kernel [kh, kw, c, t] that the factors represent."""
  return np.einsum('hr,wr,cr,rt->hwct', factors['height'], factors['width'],
                   factors['in'], factors['out'], optimize=True)


def check(shape, rank):
  """Refuses ranks outside [1, number of the kernel's weights]."""
  svd.check_range(shape, rank, math.prod(shape))


def size(shape, rank):
  """Parameter count of the factors of a kernel: R (kh + kw + c + t)."""
  return rank * sum(shape)


def ladder(shape):
  """All ranks whose factors have fewer parameters than the kernel, rising."""
  return range(1, -(-math.prod(shape) // sum(shape)))


def energy(kernel, share):
  """Lower bound of the ranks that keep this share of the kernel's energy.

  It is the maximum, over the four unfoldings of the kernel into a matrix, of
  the smallest rank whose truncated SVD keeps the share: each unfolding of a CP
  of rank R has a rank of at most R.
  """
  return max(svd.energy_rank(kernel, axis, share) for axis in range(4))


def largest_term(factors):
  """The largest norm of a rank-1 term, relative to the norm of their sum.

  Far above 1, terms cancel each other: the decomposition is degenerate.
  """
  total = np.linalg.norm(compose(factors))
  return float(_norms(factors).prod(0).max() / total)


def log_sensitivity(factors):
  """Log of d E|dK|^2 / d s^2, for noise of variance s^2 on all factors.

  To first order it is sum_n I_n sum_r prod_{m != n} |f_m,r|^2 over the four
  factors f_n [I_n, R]; Phan et al. (2020) give it for three factors.
  """
  squares = _norms(factors)**2
  products = [np.delete(squares, n, axis=0).prod(0).sum()
              for n in range(len(squares))]
  lengths = [len(f) for f in columns(factors)]
  return float(np.log(np.dot(lengths, products)))


def _fit(kernel, rank, seed, iterations, ridge, tolerance):
  """Factors of one random start, balanced; None if they are not finite."""
  try:
    # An overflow leaves values that are not finite, which are checked below.
    with session(), np.errstate(all='ignore'):
      weights, factors = parafac(
          kernel, rank, init='random', random_state=seed, l2_reg=ridge,
          n_iter_max=iterations, tol=tolerance)
  except np.linalg.LinAlgError:  # a singular system: another start may work
    return None
  if not all(np.isfinite(x).all() for x in (weights, *factors)):
    return None
  return balanced(factors, weights)


def balanced(columns, weights=1.):
  """The factors of rank-1 terms, their norms spread evenly over the four.

  columns: height, width, in and out, each [length, rank].
  weights: further factors of the terms, [rank].
  """
  norms = np.stack([np.linalg.norm(f, axis=0) for f in columns])
  even = (weights * norms.prod(0))**(1 / 4)
  height, width, first, last = (
      f / np.where(n > 0, n, 1.) * even for f, n in zip(columns, norms))
  return {'in': first, 'height': height, 'width': width, 'out': last.T}


def columns(factors):
  """The four factors, each [length, rank]."""
  return [factors['height'], factors['width'], factors['in'],
          factors['out'].T]


def _norms(factors):
  """Norms of the columns of the four factors: [4, rank]."""
  return np.stack([np.linalg.norm(f, axis=0) for f in columns(factors)])
