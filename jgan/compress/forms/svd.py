"""Truncated singular value decomposition of a dense or 1 x 1 kernel.

K[c,t] = sum_r in[c,r] out[r,t], the best approximation of this rank (Eckart &
Young, 1936).
"""
import numpy as np

from jgan import lookup
from jgan.compress import weighted
from jgan.errors import UserError

# Exponent of the singular values in each of the two factors. The published
# code of MMD-AdversarialNAS multiplies both by the fourth root, which is right
# for the four factors of a convolution but makes the product of two factors
# wrong by the square root of each singular value.
SCALING = {'even': 1 / 2, 'reference': 1 / 4}


def factor(kernel, rank, *, scaling='even'):
  """Factors of a kernel [c, t] or [1, 1, c, t].

  Args:
    kernel: the array.
    rank: number of singular values to keep, from 1 to min(c, t).
    scaling: 'even', or 'reference' to repeat the published results.

  Returns:
    {'in': [c, rank], 'out': [rank, t]}, float64.

  Raises:
    UserError: the rank is out of range, or the kernel is larger than 1 x 1.
  """
  if scaling not in SCALING:
    raise UserError(f"no scaling '{scaling}': "
                    f'{lookup.nearest(scaling, SCALING)}')
  matrix = _matrix(kernel)
  check(matrix.shape, rank)
  check_values(kernel)
  u, values, vh = np.linalg.svd(matrix, full_matrices=False)
  root = values[:rank]**SCALING[scaling]
  return {'in': u[:, :rank] * root, 'out': root[:, None] * vh[:rank]}


def refit(kernel, factors, moments, iterations):
  """The factors of the same rank with the least error of the layer's outputs.

  In closed form: a projection on the principal directions of the outputs.
  Arguments as of forms/cp.py.
  """
  del iterations
  matrix = _matrix(kernel)
  directions = weighted.subspace(matrix, moments, factors['in'].shape[1])
  first = matrix @ directions
  root = np.sqrt(np.linalg.norm(first, axis=0))
  return {'in': first / np.where(root > 0, root, 1.),
          'out': root[:, None] * directions.T}


def compose(factors):
  """The matrix [c, t] that the factors represent."""
  return factors['in'] @ factors['out']


def size(shape, rank):
  """Parameter count of the factors of a kernel: R (c + t)."""
  return rank * sum(shape[-2:])


def ladder(shape):
  """All ranks whose factors have fewer parameters than the kernel, rising."""
  c, t = shape[-2:]
  return range(1, -(-c * t // (c + t)))


def energy(kernel, share):
  """The smallest rank that keeps this share of the squared singular values."""
  return energy_rank(_matrix(kernel), 0, share)


def energy_rank(kernel, axis, share):
  """The smallest rank at which an unfolding keeps a share of its energy.

  The unfolding is the matrix with the kernel's axis `axis` as rows; its
  energy is the sum of its squared singular values.
  """
  kernel = np.asarray(kernel, np.float64)
  rows = np.moveaxis(kernel, axis, 0).reshape(kernel.shape[axis], -1)
  energies = np.cumsum(np.linalg.svd(rows, compute_uv=False)**2)
  # The tolerance makes share=1 give the rank in spite of rounding errors.
  enough = energies >= share * energies[-1] * (1 - 1e-12)
  return int(np.argmax(enough)) + 1


def check(shape, rank):
  """Refuses ranks outside [1, min(c, t)]."""
  check_range(shape, rank, min(shape[-2:]))


def check_range(shape, rank, most):
  """Refuses ranks outside [1, most], of a kernel of this shape."""
  if not 1 <= rank <= most:
    raise UserError(f'rank {rank} on a kernel of shape {tuple(shape)}: it must '
                    f'be from 1 to {most}')


def check_values(kernel):
  """Refuses kernels that are zero or not finite."""
  if not np.isfinite(kernel).all() or not np.any(kernel):
    raise UserError(f'the kernel of shape {tuple(np.shape(kernel))} is all '
                    'zeros or not finite: nothing to decompose')


def _matrix(kernel):
  """[c, t] of a dense or 1 x 1 kernel."""
  if np.prod(np.shape(kernel)[:-2]) != 1:
    raise UserError(f'a kernel of shape {tuple(np.shape(kernel))} is no '
                    'matrix: form svd is for dense layers and 1 x 1 '
                    'convolutions')
  return np.asarray(kernel, np.float64).reshape(np.shape(kernel)[-2:])
