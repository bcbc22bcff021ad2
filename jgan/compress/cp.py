"""Canonical polyadic (CP) decomposition of a convolution's kernel.

K[i,j,c,t] = sum_r height[i,r] width[j,r] in[c,r] out[r,t] (Lebedev et al.,
2015), by alternating least squares. Its terms may grow without bound while
they cancel, which breaks later training (Phan et al., 2020): a small ridge
holds them down, every term's norm is spread evenly over its four vectors, and
`largest_term` and `log_sensitivity` tell how far it went.
"""
import math

import numpy as np
from tensorly.decomposition import parafac

from jgan.compress import svd
from jgan.compress.tensorly_session import session
from jgan.errors import UserError

_RETRIES = 3  # seeds tried beyond the restarts while none has given a fit


def factor(kernel, rank, *, seed=0, restarts=3, iterations=100, ridge=1e-7,
           tolerance=1e-6):
  """Fits the factors of a kernel: the best of several random starts.

  Args:
    kernel: [kh, kw, c, t].
    rank: number of terms, at least 1.
    seed: decides the random starts.
    restarts: how many starts.
    iterations: of alternating least squares, at most, per start.
    ridge: weight of the factors' squared norms beside the squared error, of
      the kernel scaled to norm 1. At 1e-5 and above it costs accuracy.
    tolerance: an iteration that changes the relative error by less ends.

  Returns:
    {'in': [c, rank], 'height': [kh, rank], 'width': [kw, rank],
    'out': [rank, t]}, float64.

  Raises:
    UserError: the rank is not positive, or no start gave a finite fit that is
      better than none.
  """
  svd.check(kernel, rank, math.prod(np.shape(kernel)))
  kernel = np.asarray(kernel, np.float64)
  norm = np.linalg.norm(kernel)
  best, least = None, 1.
  for attempt in range(restarts + _RETRIES):
    if attempt >= restarts and best:
      break
    found = _fit(kernel / norm, rank, seed + attempt, iterations, ridge,
                 tolerance)
    error = np.linalg.norm(kernel / norm - compose(found)) if found else 1.
    if error < least:  # False if it is not finite
      best, least = found, error
  if not best:
    raise UserError(f'no decomposition of rank {rank} in {attempt + 1} '
                    f'attempts on a kernel of shape {kernel.shape}: try a '
                    'smaller rank')
  return {name: f * norm**.25 for name, f in best.items()}


def compose(factors):
  """The kernel [kh, kw, c, t] that the factors stand for."""
  return np.einsum('hr,wr,cr,rt->hwct', factors['height'], factors['width'],
                   factors['in'], factors['out'], optimize=True)


def size(shape, rank):
  """Numbers in the factors of a kernel of this shape: R (kh + kw + c + t)."""
  return rank * sum(shape)


def ladder(shape):
  """All ranks whose factors are smaller than the kernel, rising."""
  return range(1, -(-math.prod(shape) // sum(shape)))


def energy(kernel, share):
  """A rank below which this share of the kernel's energy cannot be kept.

  The largest, over the kernel's four unfoldings into a matrix, of the
  smallest rank whose truncated SVD keeps the share: an unfolding of a CP of
  rank R has rank R at most.
  """
  return max(svd.energy_rank(kernel, axis, share) for axis in range(4))


def largest_term(factors):
  """The largest norm of one term over the norm of their sum.

  Far above 1, terms cancel: the decomposition is degenerate.
  """
  total = np.linalg.norm(compose(factors))
  return float(_norms(factors).prod(0).max() / total)


def log_sensitivity(factors):
  """Log of d E|dK|^2 / d s^2, for noise of variance s^2 in every factor.

  To first order, sum_n I_n sum_r prod_{m != n} |f_m,r|^2 over the four
  factors f_n [I_n, R]: Phan et al. (2020) for three.
  """
  squares = _norms(factors)**2
  others = [np.delete(squares, n, axis=0).prod(0).sum()
            for n in range(len(squares))]
  lengths = [len(f) for f in _columns(factors)]
  return float(np.log(np.dot(lengths, others)))


def _fit(kernel, rank, seed, iterations, ridge, tolerance):
  """Factors of one random start, terms balanced; None if they blew up."""
  try:
    # What overflows is not finite afterwards, and is looked at below.
    with session(), np.errstate(all='ignore'):
      weights, found = parafac(
          kernel, rank, init='random', random_state=seed, l2_reg=ridge,
          n_iter_max=iterations, tol=tolerance)
  except np.linalg.LinAlgError:  # a singular system: another start may do
    return None
  norms = np.stack([np.linalg.norm(f, axis=0) for f in found])
  if not np.isfinite(norms).all() or not np.isfinite(weights).all():
    return None
  even = (weights * norms.prod(0))**(1 / 4)
  height, width, first, last = (
      f / np.where(n > 0, n, 1.) * even for f, n in zip(found, norms))
  return {'in': first, 'height': height, 'width': width, 'out': last.T}


def _columns(factors):
  """The four factors, each [length, rank]."""
  return [factors['height'], factors['width'], factors['in'],
          factors['out'].T]


def _norms(factors):
  """Norms of all vectors: [4, rank]."""
  return np.stack([np.linalg.norm(f, axis=0) for f in _columns(factors)])
