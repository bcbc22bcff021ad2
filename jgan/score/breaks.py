"""How stable a training was, in four numbers of its curve of scores.

Durall et al. (2021) show such curves: a GAN may score well in the middle of a
run and collapse after it.
"""
import numpy as np

from jgan.errors import UserError


def summary(curve):
  """Summarises a score of which lower is better.

  Args:
    curve: {step: score}, in any order.

  Returns:
    {'min', 'final', 'max_late', 'breaks'}: the least and the last score, the
    greatest in the second half of the steps, and how many scores are above
    twice the least up to them (of a least below 0: above 0). A score that is
    not a number is a break, and the greatest.

  Raises:
    UserError: an empty curve.
  """
  if not curve:
    raise UserError('no scores to summarise: one or more would be right')
  steps, scores = map(np.array, zip(*sorted(curve.items())))
  least = np.fmin.accumulate(scores)  # passes over NaN
  return {'min': float(least[-1]), 'final': float(scores[-1]),
          'max_late': float(scores[steps > steps[-1] / 2].max()),
          'breaks': int(np.sum(~(scores <= np.maximum(2. * least, 0.))))}
