"""Stability of training: four numbers that summarise a curve of scores.

A GAN may score well in the middle of a run and collapse later, as curves of
Durall et al. (2021) show.
"""
import numpy as np

from jgan.errors import UserError


def summary(curve, better='lower'):
  """Summarises a score over the steps.

  Args:
    curve: {step: score}, in any order.
    better: which scores are better, 'lower' or 'higher'.

  Returns:
    {'best', 'final', 'worst_late', 'breaks'}: the best and the last score, the
    worst one in the second half of the steps, and the number of scores above
    2 max(m, 0), with m the lowest score up to that step; where the higher is
    better, below m / 2 with m the highest. A NaN counts as a break, and makes
    worst_late NaN.

  Raises:
    UserError: an empty curve.
  """
  if not curve:
    raise UserError('no scores to summarise: one or more would be right')
  steps, scores = map(np.array, zip(*sorted(curve.items())))
  late = scores[steps > steps[-1] / 2]
  if better == 'lower':
    best = np.fmin.accumulate(scores)  # ignores NaN
    worst, whole = late.max(), scores <= np.maximum(2. * best, 0.)
  else:
    best = np.fmax.accumulate(scores)
    worst, whole = late.min(), scores >= best / 2.
  return {'best': float(best[-1]), 'final': float(scores[-1]),
          'worst_late': float(worst), 'breaks': int(np.sum(~whole))}
