"""Authenticity of samples (Alaa et al., 2022, arXiv:2102.08921).

A generated image counts as a copy if it is no farther from its nearest
training image than that training image is from its own nearest neighbour.
`real` has to be the training set.
"""
import itertools

import numpy as np

from jgan.metrics import _neighbours, _samples

NEEDS = ('features',)
REFERENCE = True
BETTER = {'authentic': 'higher'}

_VALUES = 2**28  # of real images that are compared at a time: 1 GiB of floats


def score(real, fake):
  """Fraction of 'authentic' images, in [0, 1]; AuthPct is 100 times that.

  It is 0 for the training set itself. For new images of the same distribution
  it is not 1, but near .7 on CIFAR-10 with DINOv2 features (dgm-eval), so
  compare it with the value of held-out real images.

  Raises:
    UserError: fewer than 2 real or generated images.
    Stopped: features are not finite.
  """
  real, fake = _samples.features(real, fake, least=2)
  indices, distances = _neighbours.nearest(fake, real, 1)
  nearest, inverse = np.unique(indices[:, 0], return_inverse=True)
  _, real_distances = _neighbours.nearest(real[nearest], real, 1,
                                          itself=nearest)
  return {'authentic': float(np.mean(
      distances[:, 0] > real_distances[inverse, 0]))}


def neighbours(real, fake, *, k=5):
  """The k nearest real images of each generated image.

  Args:
    real, fake: [n, ...], [m, ...], features or pixels.
    k: number of neighbours, at most n.

  Returns:
    Indices into real [m, k], nearest first, and distances [m, k] float64.

  Raises:
    UserError: fewer than k real images, or shapes that do not match.
    Stopped: a value is not finite.
  """
  real, fake = (np.reshape(x, (len(x), -1)) for x in (real, fake))
  parts = -(-len(real) // max(2 * k, _VALUES // real.shape[1])) or 1
  bounds = np.linspace(0, len(real), parts + 1).astype(int)
  indices, distances = [], []
  for start, stop in itertools.pairwise(bounds):
    block, queries = _samples.features(*(
        _samples.Samples(len(x), features=np.float32(x))
        for x in (real[start:stop], fake)), least=1)
    _samples.matrix(block, 'real images', least=k)
    nearest, gaps = _neighbours.nearest(queries, block, k)
    indices.append(nearest + start)
    distances.append(gaps)
  indices, distances = (np.concatenate(x, axis=1) for x in (indices, distances))
  order = np.argsort(distances, axis=1, kind='stable')[:, :k]
  return (np.take_along_axis(indices, order, axis=1),
          np.take_along_axis(distances, order, axis=1))
