"""Monge Inception Distance (Berthet et al., 2026, arXiv:2605.06797).

The squared 2-Wasserstein distance along random directions, where it is that of
sorted numbers, times 3 d: for N(0, I) and N(m, I) it is 3 |m|^2. Of the pooled
features of the FID Inception network it is the MIND; with any other network it
is named after it.
"""
import numpy as np

from jgan.errors import UserError
from jgan.metrics import _samples

NEEDS = ('features',)
REFERENCE = True
BETTER = {'': 'lower'}

_ENTRIES = 2**24  # numbers of a block of projections, 64 MiB
_ROWS = 1024  # images that are centred at a time


def least(*, directions=1000):
  """One image of each side; UserError: no directions."""
  if directions < 1:
    raise UserError(f'directions={directions}; 1 or more would be right')
  return 1, 1


def score(real, fake, *, directions=1000, choice=0):
  """3 d times the mean over directions, >= 0; 0 for the same set.

  Sets of the same distribution have a value above 0 that falls with their
  size, so compare values of equal counts only. Of the larger set a random
  subset of the size of the smaller one is used.

  Args:
    directions: how many, uniform on the sphere; the paper has 100 to 1,000.
    choice: seed of the directions and of the subset. It is not that of the run,
      so that all runs are seen along the same directions.

  Raises:
    UserError: no images, or no directions.
    Stopped: features are not finite.
  """
  real, fake = _samples.features(real, fake,
                                 least=max(least(directions=directions)))
  rng = np.random.RandomState(choice)
  u = rng.standard_normal((directions, real.shape[1]))
  u /= np.linalg.norm(u, axis=1, keepdims=True)
  count = min(len(real), len(fake))
  real, fake = (x if len(x) == count else
                x[rng.choice(len(x), count, replace=False)]
                for x in (real, fake))
  return {'': distance(real, fake, u)}


def distance(x, y, u):
  """3 d mean_i mean_j (sort(x u_i)_j - sort(y u_i)_j)^2.

  Projections are computed and sorted in float32, for some directions at a
  time.

  Args:
    x, y: [n, d].
    u: [m, d], unit vectors.

  Returns:
    A Python float.
  """
  # Both are centred alike, so their differences do not change.
  centre = np.mean(x, axis=0, dtype=np.float64)
  u, gaps = np.float32(u), []
  size = max(_ENTRIES // len(x), 1)
  for start in range(0, len(u), size):
    block = u[start:start + size]
    gap = _sorted(x, block, centre)
    gap -= _sorted(y, block, centre)
    gaps.append(np.mean(np.square(gap, out=gap), axis=1, dtype=np.float64))
  return float(3. * x.shape[1] * np.mean(np.concatenate(gaps)))


def _sorted(x, u, centre):
  """Sorted projections of the rows of x: [m, n] float32."""
  along = np.empty((len(u), len(x)), np.float32)
  for start in range(0, len(x), _ROWS):
    rows = slice(start, start + _ROWS)
    along[:, rows] = u @ np.float32(x[rows] - centre).T
  along.sort(axis=1)
  return along
