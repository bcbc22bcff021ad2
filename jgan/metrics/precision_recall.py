"""Precision and recall of samples (Kynkaanniemi et al., arXiv:1904.06991).

The manifold of a set is the union of balls around its points, each reaching to
the k-th nearest neighbour. Precision is the fraction of generated images on
the real manifold, recall the fraction of real images on the generated one.
"""
import numpy as np

from jgan.metrics import _neighbours, _samples

NEEDS = ('features',)
REFERENCE = True
BETTER = {'precision': 'higher', 'recall': 'higher', 'f_score': 'higher'}


def least(*, k=3):
  """An image and its k neighbours, on either side."""
  return k + 1, k + 1


def score(real, fake, *, k=3, strict=False):
  """'precision', 'recall' and their harmonic mean 'f_score', in [0, 1].

  Args:
    k: index of the neighbour that a ball reaches to.
    strict: whether a point on the surface of a ball counts as outside (as in
      clovaai's prdc) or inside (as in the authors' code and torch-fidelity).

  Raises:
    UserError: k or fewer real or generated images.
    Stopped: features are not finite.
  """
  real, fake = _samples.features(real, fake, least=max(least(k=k)))
  precision = _on_manifold(fake, real, k, strict)
  recall = _on_manifold(real, fake, k, strict)
  f_score = 2. * precision * recall / max(precision + recall, 1e-5)
  return {'precision': precision, 'recall': recall, 'f_score': f_score}


def _on_manifold(queries, points, k, strict):
  """Fraction of queries in at least one ball of the points."""
  counts, _ = _neighbours.inside(points, _neighbours.radii(points, k), queries,
                                 strict=strict)
  return float(np.mean(counts > 0))
