"""Precision and recall of samples (Kynkaanniemi et al., arXiv:1904.06991).

A set's manifold is the union of balls around its points, each reaching to its
k-th nearest neighbour. Precision is the share of generated images on the real
manifold, recall the share of real ones on the generated manifold.
"""
import numpy as np

from jgan.metrics import _neighbours, _samples

NEEDS = ('features',)
REFERENCE = True


def score(real, fake, *, k=3, strict=False):
  """'precision', 'recall' and their harmonic mean 'f_score', in [0, 1].

  Args:
    k: neighbour that a ball reaches to.
    strict: a point on the surface of a ball is outside (clovaai's prdc) or
      inside (the authors' code, torch-fidelity).

  Raises:
    UserError: no more than k images on a side.
    Stopped: features are not finite.
  """
  real, fake = _samples.features(real, fake, least=k + 1)
  precision = _on_manifold(fake, real, k, strict)
  recall = _on_manifold(real, fake, k, strict)
  f_score = 2. * precision * recall / max(precision + recall, 1e-5)
  return {'precision': precision, 'recall': recall, 'f_score': f_score}


def _on_manifold(queries, points, k, strict):
  """Share of queries in at least one ball of the points."""
  held, _ = _neighbours.inside(points, _neighbours.radii(points, k), queries,
                               strict=strict)
  return float(np.mean(held > 0))
