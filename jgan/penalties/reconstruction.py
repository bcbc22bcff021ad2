"""Self-supervision of the discriminator (FastGAN, Liu et al., 2021): what its
decoders rebuild of real images should look like them.

It keeps D's features descriptive where there are few images to learn from. For
each pair (rebuilt, as it should be) that D made there is a distance, and the
pairs are summed. The paper's distance is LPIPS with VGG-16, whose weights are
a file to give. Where there is none, pixels are compared in its place, which
asks D to remember colors and layout more than texture: another method, with
another name in the config.
"""
import functools
import logging

import jax.numpy as jnp

from jgan import lookup
from jgan.errors import UserError
from jgan.features import _lpips
from jgan.ops import collectives

log = logging.getLogger(__name__)

_SHRUNK = (1, 2, 4, 8)


def discriminator(play, *, weight=1., distance='pixels', weights='',
                  reduction='mean'):
  """Play -> weight * scalar >= 0, of this shard.

  Args:
    weight: 1 in the paper.
    distance: lpips (features/_lpips.py) | pixels, the mean absolute difference
      of the images and of both shrunk by 2, 4 and 8, in [0, 2].
    weights: of lpips, a file, or two with a comma between.
    reduction: mean | sum over the batch. The published code sums, so it grows
      with the batch beside a loss that does not; 'sum' is what it does.

  Raises:
    UserError: D rebuilt nothing, an unknown name, no weights for lpips, or
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
  return sum(jnp.mean(jnp.abs(_shrink(x - y, by)), (1, 2, 3))
             for by in _SHRUNK) / len(_SHRUNK)


def _shrink(x, by):
  """Averages squares of by x by pixels."""
  b, h, w, c = x.shape
  return x.reshape(b, h // by, by, w // by, by, c).mean((2, 4))


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
  """The distance by its name, said once in the log."""
  if distance not in _DISTANCES:
    raise UserError(f"reconstruction: no distance '{distance}': "
                    f'{lookup.nearest(distance, _DISTANCES)}')
  found = _DISTANCES[distance](weights)
  log.info("reconstruction: distance '%s'%s", distance,
           f' of {weights}' if weights else ', not the LPIPS of the paper')
  return found


_DISTANCES = {'lpips': _lpips_of, 'pixels': _pixels_of}
_REDUCTIONS = {'mean': lambda mean, size: mean,
               'sum': lambda mean, size: mean * size}
