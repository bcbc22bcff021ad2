"""The super-networks of alphaGAN's space (Tian et al., 2020): every edge is
the weighted sum of all its operations.

The logits behind the weights are the collection 'arch' (generator: 'normal'
[3, 3, 6], 'up' [3, 2, 3], 'skip_2' [1, 3], 'skip_3' [2, 3]; discriminator:
'normal' [4, 2, 3]), the temperature of their relaxation is 'temperature' in
'schedule'. With a key for 'noise' every forward draws its own.

The discriminator here is for those who search it too: the paper searched the
generator, with AutoGAN's discriminator as it is (alphagan, autogan).
"""
from collections.abc import Callable

import flax.linen as nn

from jgan.layers import initializer, relax
from jgan.models import alphagan
from jgan.models._cells import searched
from jgan.spaces import alphagan as rules

SPACE = 'alphagan'  # jgan/spaces: what a search chooses from
# What a run did whose config.json is older than these fields.
EARLIER = {'discriminator': {'image_act': False}}


class Generator(alphagan.CellGenerator):
  """z [b, latent] -> images [b, size, size, colors] in [-1, 1]."""
  initializer: Callable = initializer.torch_default
  relax: Callable = relax.softmax
  normal: tuple[str, ...] = rules.NORMAL  # operations, in logits' order
  up: tuple[str, ...] = rules.UP  # the same of up edges and skips

  @nn.compact
  def __call__(self, z, train):
    return self.through(z, train, *searched(self, SPACE, 'generator'),
                        affine=False)


class Discriminator(alphagan.CellDiscriminator):
  """Images [b, size, size, colors] -> logits [b], or [b, outputs] if many."""
  relax: Callable = relax.softmax

  @nn.compact
  def __call__(self, x, train):
    del train
    return self.through(x, *searched(self, SPACE, 'discriminator'))
