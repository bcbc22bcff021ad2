"""Reconstruction loss of FastGAN's discriminator (Liu et al., 2021).

As self-supervision, D's decoders reconstruct real images from its features,
which keeps the features descriptive when there are few training images. The
loss is the sum of a distance over the pairs (reconstruction, target) from D.
The paper's distance is LPIPS with VGG-16, whose weights the user provides as a
file. Without it there is a distance of pixels, which depends more on colors
and layout than on texture: another method, so it has another name in the
config.
"""
import functools
import logging

import jax.numpy as jnp

from jgan import lookup
from jgan.errors import UserError
from jgan.features import _lpips
from jgan.ops import collectives

log = logging.getLogger(__name__)

_FACTORS = (1, 2, 4, 8)


def discriminator(play, *, weight=1., distance='pixels', weights='',
                  reduction='mean'):
  """Play -> weight * scalar >= 0, of this shard.

  Args:
    weight: 1 in the paper.
    distance: lpips (features/_lpips.py) | pixels, the mean absolute difference
      of the images, averaged over downsampling factors of 1, 2, 4 and 8; in
      [0, 2].
    weights: of lpips, a file or two comma-separated files.
    reduction: mean | sum over the batch. The published code sums, so this term
      grows with the batch size while the adversarial loss does not.

  Raises:
    UserError: D has no decoders, an unknown name, no weights for lpips, or
      weights for pixels.
  """
  if reduction not in _REDUCTIONS:
    raise UserError(f"reconstruction: no reduction '{reduction}': "
                    f'{lookup.nearest(reduction, _REDUCTIONS)}')
  measure = _measure(distance, weights)
  if not play.real.decoded:
    raise UserError('reconstruction: this discriminator rebuilds nothing of '
                    'what it sees; fastgan with decode=True would')
  per_image = sum(measure(*pair) for pair in play.real.decoded)
  size = len(per_image) * collectives.size(play.axis_name)
  return weight * _REDUCTIONS[reduction](jnp.mean(per_image), size)


def pixels(x, y):
  """Mean absolute difference over scales: [b, h, w, c] twice -> [b].

  h and w are divisible by 8.
  """
  return sum(jnp.mean(jnp.abs(_pool(x - y, factor)), (1, 2, 3))
             for factor in _FACTORS) / len(_FACTORS)


def _pool(x, k):
  """k x k average pooling."""
  b, h, w, c = x.shape
  return x.reshape(b, h // k, k, w // k, k, c).mean((2, 4))


def _lpips_of(files):
  if not files:
    raise UserError("reconstruction: distance='lpips' needs its weights, "
                    "weights='vgg16-397923af.pth,vgg.pth' (of torchvision and "
                    "of lpips); distance='pixels' needs none")
  return functools.partial(_lpips.distance, _lpips.load(files))


def _pixels_of(files):
  if files:
    raise UserError(f"reconstruction: weights='{files}' are of "
                    "distance='lpips', and distance is 'pixels'")
  return pixels


@functools.lru_cache
def _measure(distance, weights):
  """The distance function of a name; logged once."""
  function = lookup.choice('reconstruction', 'distance', distance,
                           _DISTANCES)(weights)
  log.info("reconstruction: distance '%s'%s", distance,
           f' of {weights}' if weights else ', not the LPIPS of the paper')
  return function


_DISTANCES = {'lpips': _lpips_of, 'pixels': _pixels_of}
_REDUCTIONS = {'mean': lambda mean, size: mean,
               'sum': lambda mean, size: mean * size}
