"""Authenticity of samples (Alaa et al., 2022, arXiv:2102.08921).

A generated image counts as a copy if it is no farther from its nearest
training image than that one is from its own nearest neighbour. Needs nothing
but the training set, which `real` has to be.
"""
import numpy as np

from jgan.metrics import _neighbours, _samples

NEEDS = ('features',)
REFERENCE = True


def score(real, fake):
  """Share of 'authentic' images, in [0, 1]; AuthPct is 100 times that.

  It is 0 for the training set itself. For new images of its distribution it
  is not 1 but near .7 on CIFAR-10 in DINOv2's features (dgm-eval): what counts
  is how it compares with held-out real images.

  Raises:
    UserError: fewer than 2 images on a side.
    Stopped: features are not finite.
  """
  real, fake = _samples.features(real, fake, least=2)
  indices, distances = _neighbours.nearest(fake, real, 1)
  found, back = np.unique(indices[:, 0], return_inverse=True)
  _, spaces = _neighbours.nearest(real[found], real, 1, itself=found)
  return {'authentic': float(np.mean(distances[:, 0] > spaces[back, 0]))}


def neighbours(real, fake, *, k=5):
  """Which real images each generated one is nearest to.

  Args:
    real, fake: [n, ...], [m, ...], features or pixels.
    k: neighbours to find, at most n.

  Returns:
    Indices into real [m, k], nearest first, and distances [m, k] float64.

  Raises:
    UserError: fewer than k real images, or shapes that do not match.
    Stopped: a value is not finite.
  """
  flat = [_samples.Samples(len(x), features=np.reshape(
      np.asarray(x, np.float32), (len(x), -1))) for x in (real, fake)]
  real, _ = flat
  real, fake = _samples.features(*flat, least=1)
  _samples.matrix(real, 'real images', least=k)
  return _neighbours.nearest(fake, real, k)
