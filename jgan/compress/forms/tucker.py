"""Tucker-2 decomposition of a convolution's kernel, over its channels.

K[i,j,c,t] = sum_rs in[c,r] core[i,j,r,s] out[s,t] (Kim et al., 2016), by
higher-order orthogonal iteration.
"""
import numpy as np
from tensorly.decomposition import partial_tucker

from jgan.compress import weighted
from jgan.compress.forms import svd
from jgan.compress.tensorly_session import session


def factor(kernel, rank):
  """Factors of a kernel.

  Args:
    kernel: [kh, kw, c, t].
    rank: pair of ranks of the input and output channels, from 1 to c and from
      1 to t.

  Returns:
    {'in': [c, r], 'core': [kh, kw, r, s], 'out': [s, t]}, float64; `in` and
    `out` are orthonormal.

  Raises:
    UserError: a rank is out of range.
  """
  check(np.shape(kernel), rank)
  svd.check_values(kernel)
  with session():
    (core, (first, last)), _ = partial_tucker(
        np.asarray(kernel, np.float64), list(rank), modes=[2, 3],
        random_state=0)
  return {'in': first, 'core': core, 'out': last.T}


def refit(kernel, factors, moments, iterations):
  """Factors of the same ranks with a smaller error of the layer's outputs.

  By alternating least squares (Kalle et al., 2025) between `in` and, together
  in closed form, `core` and `out`. Arguments and result as of forms/cp.py;
  `in` and `out` are orthonormal.
  """
  kernel = np.asarray(kernel, np.float64)
  kh, kw = kernel.shape[:2]

  def step(f):
    basis = np.einsum('hwrs,st->hwtr', f['core'], f['out'])
    first = weighted.along(2, kernel, moments, f['in'],
                           basis.reshape(-1, basis.shape[-1]))
    first, _ = np.linalg.qr(first)
    patches = np.kron(np.eye(kh * kw), first)
    inner = weighted.outputs(kernel, moments, patches)
    directions = weighted.subspace(inner, patches.T @ moments @ patches,
                                   len(f['out']))
    core = (inner @ directions).reshape(kh, kw, first.shape[1], -1)
    return {'in': first, 'core': core, 'out': directions.T}

  return weighted.rounds(step, factors, compose, kernel, moments, iterations)


def compose(factors):
  """The kernel [kh, kw, c, t] that the factors represent."""
  return np.einsum('cr,hwrs,st->hwct', factors['in'], factors['core'],
                   factors['out'], optimize=True)


def check(shape, rank):
  """Refuses ranks outside [1, c] and [1, t]."""
  for part, most in zip(rank, shape[2:]):
    svd.check_range(shape, part, most)


def size(shape, rank):
  """Parameter count of the factors of a kernel of this shape."""
  kh, kw, c, t = shape
  return c * rank[0] + kh * kw * rank[0] * rank[1] + rank[1] * t


def ladder(shape):
  """Rank pairs with fewer parameters than the kernel, rising.

  The two ranks of a pair have the ratio of the input and output channels.
  """
  c, t = shape[2:]
  pairs = ((r, max(1, round(r * t / c))) for r in range(1, c + 1))
  return [pair for pair in pairs if size(shape, pair) < np.prod(shape)]


def energy(kernel, share):
  """The smallest ranks that keep this share of the energy of two unfoldings.

  The first has the input channels as rows, the second the output channels.
  """
  return tuple(svd.energy_rank(kernel, axis, share) for axis in (2, 3))
