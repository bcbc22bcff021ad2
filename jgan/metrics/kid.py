"""Kernel (Inception) distance (Binkowski et al., 2018, arXiv:1801.01401).

Squared maximum mean discrepancy (MMD) with the kernel (x.y/d + 1)^3. With the
pooled features of the FID Inception network it is the KID.
"""
import numpy as np

from jgan.errors import UserError
from jgan.metrics import _samples

NEEDS = ('features',)
REFERENCE = True
BETTER = {'': 'lower', 'std': 'neither'}
NAMES = 'kid', 'KID'


def least(*, subsets=100, subset_size=2):
  """As many real and generated images as are in a subset.

  subset_size: a run chooses it by the number of its images; see `score`.

  Raises:
    UserError: no subset, or subset_size below 2.
  """
  if subsets < 1 or subset_size < 2:
    raise UserError(f'{subsets} subsets of {subset_size} images; 1 or more of '
                    '2 or more would be right')
  return subset_size, subset_size


def score(real, fake, *, subsets=100, subset_size=1000, seed=0):
  """Mean of unbiased estimates ('') and their population deviation ('std').

  Its expectation for two samples of the same distribution is 0, so a value may
  be negative. Subsets are sampled in the order of torch-fidelity, generated
  images first, so its seed (2020) reproduces its values exactly.

  Args:
    subsets: number of estimates to average.
    subset_size: images in each subset, sampled without replacement.
    seed: of the subsets.

  Raises:
    UserError: fewer images than subset_size, or a subset_size below 2.
    Stopped: features are not finite.
  """
  least(subsets=subsets, subset_size=subset_size)
  real, fake = _samples.features(real, fake, least=2)
  largest = min(len(real), len(fake))
  if largest < subset_size:
    raise UserError(f'subset_size={subset_size} with {len(real)} real and '
                    f'{len(fake)} generated images; at most {largest} would be '
                    'right')
  rng = np.random.RandomState(seed)
  values = []
  for _ in range(subsets):
    y = fake[rng.choice(len(fake), subset_size, replace=False)]
    x = real[rng.choice(len(real), subset_size, replace=False)]
    values.append(mmd(x, y))
  return {'': float(np.mean(values)), 'std': float(np.std(values))}


def mmd(x, y):
  """Unbiased squared MMD of [n, d] and [m, d] under the cubic kernel."""
  x, y = (np.asarray(a, np.float64) for a in (x, y))
  return (_off_diagonal_mean(_kernel(x, x)) + _off_diagonal_mean(_kernel(y, y))
          - 2. * np.mean(_kernel(x, y)))


def _kernel(x, y):
  return (x @ y.T / x.shape[1] + 1.)**3


def _off_diagonal_mean(kernel):
  """Mean of a square matrix without its diagonal."""
  n = len(kernel)
  return (kernel.sum() - np.trace(kernel)) / (n * (n - 1))
