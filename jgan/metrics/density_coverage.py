"""Density and coverage (Naeem et al., 2020, arXiv:2002.09797).

Balls around the real images, each reaching to its k-th nearest neighbour.
Density is how many of them hold a generated image, over the k expected;
coverage is the share of balls that hold any. Outliers among the real images
weigh less than in precision and recall.
"""
import numpy as np

from jgan.metrics import _neighbours, _samples

NEEDS = ('features',)
REFERENCE = True


def score(real, fake, *, k=5, strict=True):
  """'density' >= 0, near 1 for the real distribution; 'coverage' in [0, 1].

  Args:
    k: neighbour that a ball reaches to.
    strict: a point on the surface of a ball is outside (as the authors have
      it) or inside.

  Raises:
    UserError: no more than k images on a side.
    Stopped: features are not finite.
  """
  real, fake = _samples.features(real, fake, least=k + 1)
  held, hit = _neighbours.inside(real, _neighbours.radii(real, k), fake,
                                 strict=strict)
  return {'density': float(np.mean(held) / k), 'coverage': float(np.mean(hit))}
