"""Spectral loss of the generator: fakes should have the spectrum of reals.

After the spectral regularisation of Durall et al. (2020, arXiv:2003.01826), a
cross-entropy of azimuthal power profiles scaled to [0, 1]. Here it is the
squared distance of the batches' mean profiles, which is zero where they agree,
as a cross-entropy is not; and it has a gradient, where the authors' published
code computes profiles outside of the graph. Each color channel has a spectrum
of its own: in the luma, at which metrics/spectrum.py looks, colors may cancel.
"""
import jax.numpy as jnp

from jgan.errors import UserError
from jgan.ops import collectives, spectrum

PAIRED = True


def generator(play, *, weight=1., center='legacy', keep_edge_bins=False):
  """Play -> weight * the mean over rings of the squared difference.

  In [0, weight], of the whole batch, so the same on every device. Both are
  means over images and channels of 20 ln |F| on a ring, each channel's profile
  scaled to [0, 1] by its own range.

  Args:
    weight: 1 is a start; a difference of .1 at all frequencies costs .01.
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
  """[b, h, w, c] -> [bins], from 0 to 1."""
  b, h, w, c = images.shape
  maps = jnp.moveaxis(images, 3, 1).reshape(b * c, h, w)
  rings = spectrum.radial_mean(spectrum.log_spectrum(maps), center=center,
                               keep_edge_bins=keep_edge_bins)
  return spectrum.normalise(rings).mean(0)
