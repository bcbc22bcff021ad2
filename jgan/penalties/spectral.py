"""Spectral loss: generated images should have the power spectrum of real ones.

Based on the spectral regularisation of Durall et al. (2020, arXiv:2003.01826),
a cross-entropy of azimuthal power profiles scaled to [0, 1]. Here it is the
squared difference of the mean profiles of two batches, which, unlike a
cross-entropy, is zero if they agree. It is differentiable, while the authors'
published code computes the profiles outside of the graph. The spectrum of each
color channel is compared, because differences of colors may cancel in the
luma, which metrics/spectrum.py uses.
"""
import jax.numpy as jnp

from jgan.errors import UserError
from jgan.ops import collectives, spectrum

PAIRED = True


def generator(play, *, weight=1., center='legacy', keep_edge_bins=False):
  """Play -> weight * mean squared difference of two profiles, in [0, weight].

  A profile is the mean of 20 ln |F| on each ring of frequencies, scaled to
  [0, 1] for each image and channel, and averaged over both and the global
  batch, so the value is the same on all devices.

  Args:
    weight: 1 is a starting point; with it a difference of .1 at all
      frequencies costs .01.
    center, keep_edge_bins: of the rings, as in ops.spectrum.radial_mean;
      'legacy' or 'true_dc'.

  Raises:
    UserError: an unknown center.
  """
  if center not in spectrum.CENTERS:
    raise UserError(f"spectral: no center '{center}', it is one of "
                    f'{", ".join(spectrum.CENTERS)}')
  fake, real = (
      collectives.mean(_mean_profile(view.image, center, keep_edge_bins),
                       play.axis_name) for view in (play.fake, play.real))
  return weight * jnp.mean((fake - real)**2)


def _mean_profile(images, center, keep_edge_bins):
  """Mean normalised profile of a batch: [b, h, w, c] -> [bins], in [0, 1]."""
  b, h, w, c = images.shape
  maps = jnp.moveaxis(images, 3, 1).reshape(b * c, h, w)
  rings = spectrum.radial_mean(spectrum.log_spectrum(maps), center=center,
                               keep_edge_bins=keep_edge_bins)
  return spectrum.normalise(rings).mean(0)
