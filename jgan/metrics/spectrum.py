"""Distance between the mean 1-D power spectra of real and generated images.

Spectra are those of Durall et al., 2020 (arXiv:2003.01826): azimuthal averages
of 20 ln |F|, scaled to [0, 1] for each image. The paper only plots them; the
distance is ours: the mean absolute difference of the two average profiles,
which is the area between their curves over frequencies in [0, 1].
"""
import functools

import jax
import numpy as np

from jgan import lookup
from jgan.errors import UserError
from jgan.metrics import _spectra
from jgan.ops import spectrum

NEEDS = ('images',)
REFERENCE = True
BETTER = {'': 'lower'}


def score(real, fake, *, center='legacy', keep_edge_bins=False):
  """The distance, in [0, 1]; 0 for the same set.

  Args:
    center: of the rings, 'legacy' (published curves) or 'true_dc'.
    keep_edge_bins: include the first and the last ring.

  Raises:
    UserError: real and generated images of different sizes, or as `profiles`.
  """
  _spectra.require_one_size(real.images, fake.images)
  real_mean, fake_mean = (
      profiles(s.images, center=center,
               keep_edge_bins=keep_edge_bins).mean(axis=0)
      for s in (real, fake))
  return {'': float(np.mean(np.abs(real_mean - fake_mean)))}


def profiles(images, *, center='legacy', keep_edge_bins=False):
  """Each image's spectrum, from 0 to 1: [n, h, w, c] uint8 -> [n, bins].

  Raises:
    UserError: an unknown center, not images of 1 or 3 channels, or images
      below 8 x 8 pixels.
  """
  if center not in spectrum.CENTERS:
    raise UserError(f"no center '{center}': "
                    f'{lookup.nearest(center, spectrum.CENTERS)}')
  return np.concatenate([_profiles(batch, center, keep_edge_bins)
                         for batch in _spectra.batches(images)])


@functools.partial(jax.jit, static_argnums=(1, 2))
def _profiles(images, center, keep_edge_bins):
  return spectrum.normalise(spectrum.profile(
      images.astype(np.float32) / 255., center=center,
      keep_edge_bins=keep_edge_bins))
