"""Stability of training: four numbers that summarise a curve of scores.

A GAN may score well in the middle of a run and collapse later, as curves of
Durall et al. (2021) show.
"""
import numpy as np

from jgan.errors import UserError


def summary(curve):
  """Summarises a score, of which lower is better, over the steps.

  Args:
    curve: {step: score}, in any order.

  Returns:
    {'min', 'final', 'max_late', 'breaks'}: the lowest and the last score, the
    highest one in the second half of the steps, and the number of scores above
    2 max(m, 0), with m the lowest score up to that step. A NaN counts as a
    break, and makes max_late NaN.

  Raises:
    UserError: an empty curve.
  """
  if not curve:
    raise UserError('no scores to summarise: one or more would be right')
  steps, scores = map(np.array, zip(*sorted(curve.items())))
  lowest = np.fmin.accumulate(scores)  # ignores NaN
  return {'min': float(lowest[-1]), 'final': float(scores[-1]),
          'max_late': float(scores[steps > steps[-1] / 2].max()),
          'breaks': int(np.sum(~(scores <= np.maximum(2. * lowest, 0.))))}
