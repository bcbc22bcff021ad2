"""Frechet distance of two Gaussians (Dowson & Landau, 1982; Heusel, 2017).

||m1 - m2||^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2)), on the host in float64: the
errors of float32 eigenvalues exceed the differences between training runs.
"""
import functools

import numpy as np

from jgan.errors import Stopped, UserError


def statistics(features, ddof=1):
  """Mean [d] and covariance [d, d] (divided by n - ddof) of features [n, d].

  Raises:
    UserError: not a matrix of two rows or more.
    Stopped: a feature is not finite.
  """
  features = np.asarray(features, np.float64)
  if features.ndim != 2 or len(features) < 2:
    raise UserError(f'features of shape {list(features.shape)} have no '
                    'covariance; [n, d] with n of 2 or more has')
  finite = np.isfinite(features).all(axis=1)
  if not finite.all():
    raise Stopped(f'{np.sum(~finite)} of {len(features)} samples have features '
                  'that are not finite; score an earlier checkpoint')
  mean = features.mean(axis=0)
  centred = features - mean
  return mean, centred.T @ centred / (len(features) - ddof)


def distance(mean1, cov1, mean2, cov2, features2=None):
  """Squared Frechet distance of N(mean1, cov1) and N(mean2, cov2), >= 0.

  Args:
    mean1, mean2: [d].
    cov1, cov2: [d, d], symmetric, of any rank.
    features2: [n, d], optional, the features whose mean and covariance are
      mean2 and cov2. With n < d they save time, at the same accuracy.

  Returns:
    A Python float.

  Raises:
    UserError: the shapes do not match.
    Stopped: a mean or a covariance is not finite.
  """
  return distance_from(mean1, cov1)(mean2, cov2, features2)


def distance_from(mean1, cov1):
  """(mean2, cov2, features2=None) -> distance, for many second Gaussians.

  The Cholesky factor of cov1 is computed once, when first needed. Arguments
  and errors are those of `distance`.
  """
  mean1, cov1 = (np.asarray(a, np.float64) for a in (mean1, cov1))
  _check(mean1.size, mean1=mean1, cov1=cov1)

  @functools.cache
  def factor():
    """F [d, d] with cov1 = F F^T."""
    try:
      return np.linalg.cholesky(cov1)
    except np.linalg.LinAlgError:  # rank-deficient
      values, vectors = np.linalg.eigh(cov1)
      return vectors * np.sqrt(np.maximum(values, 0.))

  def call(mean2, cov2, features2=None):
    mean2, cov2 = (np.asarray(a, np.float64) for a in (mean2, cov2))
    _check(mean1.size, mean2=mean2, cov2=cov2)
    # Tr (S1 S2)^(1/2) is computed from a symmetric matrix with the nonzero
    # eigenvalues of S1 S2, which itself is not symmetric.
    if features2 is not None and len(features2) < mean1.size:
      # S2 = c X^T X, so these are the n eigenvalues of c X S1 X^T. The trace
      # of S2 gives c, whether it was divided by n or by n - 1.
      x = np.asarray(features2, np.float64) - mean2
      scale = np.trace(cov2) / max(np.sum(x**2), np.finfo(np.float64).tiny)
      product = scale * (x @ cov1 @ x.T)
    else:
      product = factor().T @ cov2 @ factor()
    # Rounding turns zero eigenvalues into about -1e-17.
    values = np.maximum(np.linalg.eigvalsh(product), 0.)
    shift = np.sum((mean1 - mean2)**2)
    spread = np.trace(cov1) + np.trace(cov2) - 2. * np.sum(np.sqrt(values))
    return float(max(shift + spread, 0.))  # rounding may go below 0

  return call


def _check(d, **arrays):
  """Refuses means and covariances of the wrong shape or with NaN or inf."""
  for name, array in arrays.items():
    shape = (d,) if name.startswith('mean') else (d, d)
    if array.shape != shape:
      raise UserError(f'{name} has shape {list(array.shape)} but mean1 has '
                      f'{d} features; shape {list(shape)} would be right')
    if not np.isfinite(array).all():
      raise Stopped(f'{name} is not finite, so there is no distance; score '
                    'an earlier checkpoint')
