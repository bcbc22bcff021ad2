"""sFID: Frechet distance between spatial features of real and generated images.

Nash et al., 2021 (arXiv:2103.03841): in place of the pooled features of the FID
these are seven channels of a map of 17 x 17, which know where things are. The
evaluator of Dhariwal & Nichol (2021) uses the first seven of mixed_6/conv,
2,023 numbers (features/inception.py). The same formula as for the FID; values
of the two are not comparable.
"""
from jgan.errors import UserError
from jgan.metrics import _frechet

NEEDS = ('spatial',)
REFERENCE = True
BETTER = {'': 'lower'}
NAMES = 'sFID', 'sFD'


def score(real, fake):
  """Squared distance of the two Gaussians, >= 0, 0 for the same set.

  It is biased upwards as the FID is, and more than 2,023 images are needed for
  a covariance of full rank.

  Raises:
    UserError: fewer than 2 images.
    Stopped: features are not finite.
  """
  for name, samples in (('real', real), ('generated', fake)):
    if samples.spatial is None:
      raise UserError(f'{samples.count} {name} images have no covariance; 2 or '
                      'more have')
  return {'': _frechet.distance(*real.spatial, *fake.spatial)}


def label(net):
  """sFID for the published Inception network, else sFD-NAME."""
  return f's{net.distance}'
