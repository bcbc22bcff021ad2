"""Modes found of a mixture whose modes are known, and how good samples are.

VEEGAN (Srivastava et al., 2017, arXiv:1705.07761): a sample is of high
quality within three standard deviations of its nearest mode, and a mode is
covered if it has such a sample. PacGAN (Lin et al., 2018, arXiv:1712.04086)
adds the KL divergence of the modes' frequencies from those of the data, which
jgan's mixtures have uniform.
"""
import numpy as np

from jgan.data import mixture
from jgan.errors import Stopped, UserError

NEEDS = ('images',)
REFERENCE = False


def score(real, fake, *, kind='grid', std=.01, at_least=1):
  """'covered' modes, share of 'high_quality' samples, 'kl' >= 0 in nats.

  For 'kl' every sample counts for its nearest mode, of high quality or not.
  Its greatest value, where all samples go to one mode, is ln(modes).

  Args:
    real: not looked at.
    fake: images of data 'mixture': uint8, or floats in [-1, 1], which points
      should be: between two of 256 levels fits most of a mode.
    kind: of mixture, 'grid' (25 modes) or 'ring' (8).
    std: standard deviation of a mode, as of the data.
    at_least: high-quality samples that a covered mode has.

  Raises:
    UserError: no samples, or an unknown kind.
    Stopped: a sample is not finite.
  """
  del real
  images = np.asarray(fake.images)
  if not len(images):
    raise UserError('no samples to look for modes in')
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
