"""Curves of many points as curves of few that look alike."""
import math

import numpy as np


def thin(points, most):
  """Keeps the first and the last point, and the extremes between.

  The steps are divided into parts of equally many points; of each, the lowest
  and the highest value stay, so that no peak is lost. Values that are not
  finite become None, gaps; one stays in a part that has any.

  Args:
    points: {step: value}; steps are numbers of any kind.
    most: number of points to return at most, 5 or more.

  Returns:
    Rising steps, and values rounded to six digits or None.
  """
  steps = sorted(points)
  values = np.array([points[step] for step in steps], float)
  chosen = range(len(steps))
  if len(steps) > most:
    parts = np.array_split(np.arange(1, len(steps) - 1), (most - 2) // 3)
    chosen = sorted({0, len(steps) - 1, *(
        int(i) for part in parts for i in _extremes(part, values[part]))})
  return ([steps[i] if isinstance(steps[i], int) else rounded(steps[i])
           for i in chosen], [rounded(values[i]) for i in chosen])


def rounded(value):
  """A number with six digits; None if it is not finite."""
  return float(f'{value:.6g}') if math.isfinite(value) else None


def _extremes(indices, values):
  """Indices of the lowest, the highest and a not finite value, if any."""
  finite = np.isfinite(values)
  if finite.any():
    yield indices[finite][np.argmin(values[finite])]
    yield indices[finite][np.argmax(values[finite])]
  if not finite.all():
    yield indices[~finite][0]
