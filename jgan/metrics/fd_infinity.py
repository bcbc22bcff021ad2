"""Frechet distance extrapolated to infinitely many generated images.

Chong & Forsyth, 2020 (arXiv:1911.07023): the bias of the distance of N images
is proportional to 1/N, so a line fitted over 1/N to the distances at several N
gives the unbiased distance at 1/N = 0.
"""
import numpy as np

from jgan.errors import UserError
from jgan.metrics import _frechet, _samples

NEEDS = ('moments', 'features')  # moments of real, features of fake images
REFERENCE = True
BETTER = {'': 'lower'}
NAMES = 'FID', 'FD'


def least(*, points=15):
  """Two real images, and two generated ones for each point.

  Raises:
    UserError: fewer than two points.
  """
  if points < 2:
    raise UserError(f'points={points} make no line; 2 or more do')
  return 2, 2 * points


def score(real, fake, *, points=15, first=5000, seed=0, ddof=1):
  """Intercept of the line of distances over 1/N; may be slightly below 0.

  The N are spaced evenly from min(first, a tenth of the generated images) to
  all of them (as in dgm-eval; Stein et al., 2023). For each N another random
  subset is sampled without replacement.

  Args:
    points: number of distances to fit the line to, 2 or more.
    first: the least N, if there are enough generated images.
    seed: of the subsets.
    ddof: covariances are divided by N - ddof.

  Raises:
    UserError: fewer than two generated images per point, or fewer than two
      points.
    Stopped: features are not finite.
  """
  features = _samples.matrix(fake.features, 'features of generated images',
                             least=least(points=points)[1])
  n = len(features)
  counts = np.linspace(min(first, max(n // 10, 2)), n, points).astype(int)
  distance = _frechet.distance_from(real.mean, real.cov)
  rng = np.random.default_rng(seed)
  values = []
  for count in counts:
    subset = features[rng.choice(n, count, replace=False)]
    values.append(distance(*_frechet.statistics(subset, ddof), subset))
  _, intercept = np.polyfit(1. / counts, values, 1)
  return {'': float(intercept)}


def label(net):
  """As of fd, for the limit of infinitely many images."""
  return f'{net.distance}-infinity'
