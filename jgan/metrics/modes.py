"""Mode coverage and sample quality on a mixture of Gaussians with known modes.

VEEGAN (Srivastava et al., 2017, arXiv:1705.07761): a sample is of high
quality if it is within three standard deviations of its nearest mode, and a
mode is covered if a high-quality sample is near it. PacGAN (Lin et al., 2018,
arXiv:1712.04086) adds the KL divergence of the frequencies of the modes among
the samples from those of the data, which are uniform in jgan's mixtures.
"""
import numpy as np

from jgan.data import mixture
from jgan.errors import Stopped, UserError

NEEDS = ('images',)
REFERENCE = False
BETTER = {'covered': 'higher', 'high_quality': 'higher', 'kl': 'lower'}


def score(real, fake, *, kind='grid', std=.01, at_least=1):
  """'covered' modes, fraction of 'high_quality' samples, 'kl' >= 0 in nats.

  For 'kl' every sample counts for its nearest mode, of high quality or not.
  Its maximum is ln(modes), if all samples are near the same mode.

  Args:
    real: not used.
    fake: images of data 'mixture', floats in [-1, 1]. uint8 is accepted, but
      too coarse: most of a mode fits between two of the 256 levels.
    kind: of mixture, 'grid' (25 modes) or 'ring' (8).
    std: standard deviation of a mode, as in the data.
    at_least: number of high-quality samples that makes a mode covered.

  Raises:
    UserError: no samples, or an unknown kind.
    Stopped: a sample is not finite.
  """
  del real
  images = np.asarray(fake.images)
  if not len(images):
    raise UserError('no samples: mode coverage needs at least one')
  if images.dtype == np.uint8:
    images = images / 127.5 - 1.
  if not np.isfinite(images).all():
    raise Stopped('samples are not finite; score an earlier checkpoint')
  total = len(mixture.modes(kind=kind))
  mode, distance = mixture.nearest(images, kind=kind)
  good = distance <= 3. * std
  covered = np.bincount(mode[good], minlength=total) >= at_least
  share = np.bincount(mode, minlength=total) / len(images)
  share = share[share > 0]
  return {'covered': float(covered.sum()),
          'high_quality': float(good.mean()),
          'kl': float(np.sum(share * np.log(share * total)))}
