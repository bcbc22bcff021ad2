"""Frechet distance extrapolated to infinitely many generated images.

Chong & Forsyth, 2020 (arXiv:1911.07023): the bias of the distance falls as
1/N, so a line fitted to the distances of N images at several N meets the
unbiased one at 1/N = 0.
"""
import numpy as np

from jgan.errors import UserError
from jgan.metrics import _frechet, _samples

NEEDS = ('moments', 'features')  # moments of the real, features of the fakes
REFERENCE = True


def score(real, fake, *, points=15, first=5000, seed=0):
  """Intercept of distances over 1/N; slightly below 0 is possible.

  The N are spaced evenly from min(first, a tenth of the fakes) to all of them
  (as in dgm-eval; Stein et al., 2023); each N draws its images anew, without
  replacement.

  Args:
    points: distances to fit the line to, 2 or more.
    first: the least N, where there are enough fakes.
    seed: of the draws.

  Raises:
    UserError: fewer than two fakes for each point, or fewer than two points.
    Stopped: features are not finite.
  """
  if points < 2:
    raise UserError(f'points={points} make no line; 2 or more do')
  features = _samples.matrix(fake.features, 'features of generated images',
                             least=2 * points)
  n = len(features)
  counts = np.linspace(min(first, max(n // 10, 2)), n, points).astype(int)
  distance = _frechet.distance_from(real.mean, real.cov)
  rng = np.random.default_rng(seed)
  values = []
  for count in counts:
    drawn = features[rng.choice(n, count, replace=False)]
    values.append(distance(*_frechet.statistics(drawn), drawn))
  _, intercept = np.polyfit(1. / counts, values, 1)
  return {'': float(intercept)}
