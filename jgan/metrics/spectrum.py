"""Distance between the mean 1-D power spectra of real and generated images.

Spectra as in Durall et al., 2020 (arXiv:2003.01826): azimuthal means of
20 ln |F|, each image's scaled to [0, 1]. The distance is our own, for a plot
needs none: the mean absolute difference of the two average profiles, which is
the area between their curves over frequencies in [0, 1].
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


def score(real, fake, *, center='legacy', keep_edge_bins=False):
  """The distance, in [0, 1]; 0 for the same set.

  Args:
    center: of the rings, 'legacy' (published curves) or 'true_dc'.
    keep_edge_bins: count the first and the last ring in.

  Raises:
    UserError: images of two sizes, or what `profiles` refuses.
  """
  _spectra.require_one_size(real.images, fake.images)
  one, two = (profiles(s.images, center=center, keep_edge_bins=keep_edge_bins)
              for s in (real, fake))
  return {'': float(np.mean(np.abs(one.mean(axis=0) - two.mean(axis=0))))}


def profiles(images, *, center='legacy', keep_edge_bins=False):
  """Each image's spectrum, from 0 to 1: [n, h, w, c] uint8 -> [n, bins].

  Raises:
    UserError: an unknown center, no images of 1 or 3 channels, or images too
      small for two rings.
  """
  if center not in spectrum.CENTERS:
    raise UserError(f"no center '{center}': "
                    f'{lookup.nearest(center, spectrum.CENTERS)}')
  return np.concatenate([_profiles(part, center, keep_edge_bins)
                         for part in _spectra.batches(images)])


@functools.partial(jax.jit, static_argnums=(1, 2))
def _profiles(images, center, keep_edge_bins):
  return spectrum.normalise(spectrum.profile(
      images.astype(np.float32) / 255., center=center,
      keep_edge_bins=keep_edge_bins))
