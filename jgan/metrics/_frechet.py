"""Frechet distance of two Gaussians (Dowson & Landau, 1982; Heusel, 2017).

||m1 - m2||^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2)), on the host in float64: the
float32 eigenvalues of an accelerator are off by more than runs differ.
"""
import numpy as np

from jgan.errors import Stopped, UserError


def statistics(features):
  """Mean [d] and covariance [d, d] (divided by n - 1) of features [n, d].

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
  return mean, centred.T @ centred / (len(features) - 1)


def distance(mean1, cov1, mean2, cov2):
  """Squared Frechet distance of N(mean1, cov1) and N(mean2, cov2), >= 0.

  Args:
    mean1, mean2: [d].
    cov1, cov2: [d, d], symmetric, of any rank.

  Returns:
    A Python float.

  Raises:
    UserError: the shapes do not belong together.
    Stopped: a mean or a covariance is not finite.
  """
  arrays = [np.asarray(a, np.float64) for a in (mean1, cov1, mean2, cov2)]
  mean1, cov1, mean2, cov2 = arrays
  d = mean1.size
  for name, array, shape in zip(
      ('mean1', 'cov1', 'mean2', 'cov2'), arrays, [(d,), (d, d)] * 2):
    if array.shape != shape:
      raise UserError(f'{name} has shape {list(array.shape)} beside a mean1 of '
                      f'{d} features; {list(shape)} would belong to it')
    if not np.isfinite(array).all():
      raise Stopped(f'{name} is not finite, so there is no distance; score '
                    'an earlier checkpoint')
  # Tr (S1 S2)^(1/2) by two symmetric eigenproblems: S1 S2 is not symmetric,
  # but sqrt(S1) S2 sqrt(S1) is, and has the same eigenvalues. Those of rank-
  # deficient matrices come out as -1e-17 or so and are zeros.
  values, vectors = np.linalg.eigh(cov1)
  root = vectors * np.sqrt(np.maximum(values, 0.)) @ vectors.T
  values = np.linalg.eigvalsh(root @ cov2 @ root)
  cross = np.sum(np.sqrt(np.maximum(values, 0.)))
  shift = np.sum((mean1 - mean2)**2)
  total = shift + np.trace(cov1) + np.trace(cov2) - 2. * cross
  return float(max(total, 0.))  # identical inputs: rounding may go below 0
