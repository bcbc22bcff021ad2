"""Density and coverage (Naeem et al., 2020, arXiv:2002.09797).

Around each real image is a ball that reaches to its k-th nearest neighbour.
Density is the mean number of balls that contain a generated image, divided by
k; coverage is the fraction of balls that contain a generated image. Outliers
among the real images have less weight than in precision and recall.
"""
import numpy as np

from jgan.metrics import _neighbours, _samples

NEEDS = ('features',)
REFERENCE = True
BETTER = {'density': 'higher', 'coverage': 'higher'}


def least(*, k=5):
  """An image and its k neighbours, on either side."""
  return k + 1, k + 1


def score(real, fake, *, k=5, strict=True):
  """'density' >= 0, near 1 for the real distribution; 'coverage' in [0, 1].

  Args:
    k: index of the neighbour that a ball reaches to.
    strict: whether a point on the surface of a ball counts as outside, as in
      the authors' code.

  Raises:
    UserError: k or fewer real or generated images.
    Stopped: features are not finite.
  """
  real, fake = _samples.features(real, fake, least=max(least(k=k)))
  counts, hits = _neighbours.inside(real, _neighbours.radii(real, k), fake,
                                    strict=strict)
  return {'density': float(np.mean(counts) / k),
          'coverage': float(np.mean(hits))}
