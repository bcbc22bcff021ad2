"""Error-preserving correction (EPC) of a CP: the smallest terms of equal error.

Phan et al. (2020): terms of a CP that grow while they cancel each other make it
sensitive to any change of its factors, and fine-tuning unstable. Of all CP of
the rank with at most the error of the fit, the correction seeks the one with
the least sum of the squared norms of its terms,

  min sum_r lambda_r^2   such that   |K - K'| <= delta.

One axis after the other; with unit columns in the other factors, Khatri-Rao
product B, G = B^T B and M = K_(n) B, the factor is M (G + I / mu)^-1: a ridge
that is as strong as the error allows.
"""
import logging

import numpy as np
from scipy.optimize import brentq
from tensorly.tenalg import khatri_rao

from jgan.compress.forms import cp
from jgan.compress.tensorly_session import session
from jgan.errors import UserError

log = logging.getLogger(__name__)

_SLOW = 1e-4  # it ends when |lambda| changes by less, relative to itself


def refit(kind, kernel, factors, seen, *, rise=0., rounds=50):
  """The corrected factors of form 'cp'; others, which are orthogonal, stay.

  Args:
    kind: a module of compress/forms.
    kernel: the array.
    factors: of kind.factor.
    seen: not used.
    rise: delta is the error of `factors`, larger by this share of it.
    rounds: over all axes, at most.

  Returns:
    As kind.factor.

  Raises:
    UserError: rise < 0, or rounds < 1.
  """
  del seen
  if not 0. <= rise < float('inf') or rounds < 1:
    raise UserError(f'config.compress.fit has rise={rise:g} and rounds='
                    f'{rounds}: at least 0, and at least 1, would be right')
  if kind is not cp:
    log.info("form '%s' stays as it is: EPC is of form 'cp'",
             kind.__name__.rpartition('.')[2])
    return factors
  kernel = np.asarray(kernel, np.float64)
  delta = np.linalg.norm(kernel - cp.compose(factors)) * (1 + rise)
  with session():
    return cp.balanced(*corrected(kernel, cp.columns(factors), delta, rounds))


def corrected(kernel, columns, delta, rounds):
  """The factors of a CP of any number of axes, corrected.

  Args:
    kernel: array of N axes.
    columns: N factors [length, R].
    delta: the largest error |K - K'|, at least that of `columns`.
    rounds: at most.

  Returns:
    N factors with columns of norm 1, and lambda [R], the norms of the terms.
  """
  columns, sizes = _normalised(columns)
  for _ in range(rounds):
    before = sizes
    for axis in range(kernel.ndim):
      basis = khatri_rao(columns, skip_matrix=axis)
      unfolded = np.moveaxis(kernel, axis, 0).reshape(len(columns[axis]), -1)
      columns[axis] = shrunk(unfolded @ basis, basis.T @ basis,
                             np.sum(kernel**2), delta**2)
      sizes = np.linalg.norm(columns[axis], axis=0)
      columns[axis] = columns[axis] / np.where(sizes > 0, sizes, 1.)
    change = np.linalg.norm(sizes) - np.linalg.norm(before)
    if abs(change) < _SLOW * np.linalg.norm(before):
      break
  return columns, sizes


def shrunk(products, gram, square, allowed):
  """The factor U of least norm with |K|^2 - 2 <U, M> + <U G, U> <= delta^2.

  Args:
    products: M [length, R].
    gram: G [R, R].
    square: |K|^2.
    allowed: delta^2. Below what any U reaches, the U of the least error.

  Returns:
    U [length, R].
  """
  values, vectors = np.linalg.eigh(gram)
  keep = values > 1e-14 * values[-1]
  values, vectors = values[keep], vectors[:, keep]
  turned = products @ vectors
  energy = np.sum(turned**2, 0) / values  # of B = M Q S^(-1/2), by column
  rest = allowed - square + energy.sum()
  if rest <= 0.:
    return turned / values @ vectors.T
  # The error falls with mu, from |K|^2 at 0.
  excess = lambda x: np.sum(energy / (1 + np.exp(x) * values)**2) - rest
  low, high = -np.log(values[-1]) - 40., -np.log(values[0]) + 40.
  if excess(low) <= 0.:  # nothing at all is as near as allowed
    return np.zeros_like(products)
  if excess(high) >= 0.:
    return turned / values @ vectors.T
  mu = np.exp(brentq(excess, low, high, xtol=1e-12, rtol=1e-14))
  return turned / (values + 1 / mu) @ vectors.T


def _normalised(columns):
  """Unit columns, and the norms of the terms."""
  norms = [np.linalg.norm(f, axis=0) for f in columns]
  return [f / np.where(n > 0, n, 1.) for f, n in zip(columns, norms)], np.prod(
      norms, 0)
