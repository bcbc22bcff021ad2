"""Frechet distance between features of real and of generated images.

Heusel et al., 2017 (arXiv:1706.08500): with the pooled features of the FID
Inception network it is the FID; with any other network it is named after it.
"""
from jgan.errors import UserError
from jgan.metrics import _frechet

NEEDS = ('moments',)
REFERENCE = True
BETTER = {'': 'lower'}
NAMES = 'FID', 'FD'


def score(real, fake):
  """Squared distance of the two Gaussians, >= 0, 0 for the same set.

  It has an upward bias that grows as the number of images falls (Chong &
  Forsyth, 2020), so compare values of equal counts only. With fewer images
  than features it is computed faster, and as exactly, if `features` is given.

  Raises:
    UserError: fewer than 2 images, or moments whose shapes do not match.
    Stopped: features are not finite.
  """
  for name, samples in (('real', real), ('generated', fake)):
    if samples.count < 2:
      raise UserError(f'{samples.count} {name} images have no covariance; 2 or '
                      'more have')
  if real.features is not None and real.count < fake.count:
    real, fake = fake, real  # symmetric, and faster with the fewer samples last
  return {'': _frechet.distance(real.mean, real.cov, fake.mean, fake.cov,
                                fake.features)}


def label(net):
  """FID for the published Inception network, else FD-NAME."""
  return net.distance
