"""Frechet distance between features of real and of generated images.

Heusel et al., 2017 (arXiv:1706.08500): with the pooled features of the FID
Inception network it is the FID; with any other network it is named after it.
"""
from jgan.errors import UserError
from jgan.metrics import _frechet

NEEDS = ('moments',)
REFERENCE = True


def score(real, fake):
  """Squared distance of the two Gaussians, >= 0, 0 for the same set.

  It is biased upwards, the more the fewer the images (Chong & Forsyth, 2020):
  compare values of equal counts only. With fewer images than features it is
  as exact, and faster if `features` come along.

  Raises:
    UserError: fewer than 2 images, or moments that do not belong together.
    Stopped: features are not finite.
  """
  for name, samples in (('real', real), ('generated', fake)):
    if samples.count < 2:
      raise UserError(f'{samples.count} {name} images have no covariance; 2 or '
                      'more have')
  if real.features is not None and real.count < fake.count:
    real, fake = fake, real  # it is symmetric, and few samples are less work
  return {'': _frechet.distance(real.mean, real.cov, fake.mean, fake.cov,
                                fake.features)}
