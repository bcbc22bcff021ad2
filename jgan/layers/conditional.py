"""Models that are told the class of an image, made of those that are not.

A model with a field `classes` has its own way. To any other one is added:

  G  an embedding of the label, N(0, 1) at first, beside the latent (Mirza and
     Osindero, 2014): each number of z is followed by one of the embedding, so
     that both are in each part of a latent that goes in in several places.
  D  a projection (Miyato and Koyama, 2018): logit + <V_y, f> / sqrt(c), where f
     is the last of D's feature maps, summed over its pixels, of c channels, and
     V a dense layer of D's own kind on the one-hot label. The root is that of
     StyleGAN2's projection.

All other parameters and their names stay as they are.
"""
import dataclasses
import functools
import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from jgan.errors import UserError
from jgan.layers import dense, output


@functools.cache
def of(player, kind):
  """A class of modules that take labels, like `kind` without: -> class.

  Its __call__ has the argument `labels`, [b] int32, and its field `classes` is
  the number of classes.

  Args:
    player: 'generator' or 'discriminator'.
    kind: a linen module of jgan/models; itself if it has classes.
  """
  if any(field.name == 'classes' for field in dataclasses.fields(kind)):
    return kind
  base = {'generator': _generator, 'discriminator': _discriminator}[player]
  made = base(kind)
  for name in ('__name__', '__qualname__', '__module__'):
    setattr(made, name, getattr(kind, name))
  return made


def _generator(kind):

  class Generator(kind):
    """A generator with classes."""
    classes: int = 0

    @nn.compact
    def __call__(self, z, train, labels=None):
      shown = nn.Embed(self.classes, z.shape[1], name='label',
                       embedding_init=nn.initializers.normal(1.))(labels)
      joined = jnp.concatenate([z[..., None], shown[..., None]], 2)
      return super().__call__(joined.reshape(z.shape[0], -1), train)

  return Generator


def _discriminator(kind):

  class Discriminator(kind):
    """A discriminator with classes."""
    classes: int = 0

    @nn.compact
    def __call__(self, x, train, labels=None):
      logits = super().__call__(x, train)
      last = getattr(self, '_last', None)
      if logits.ndim > 1 or last is None:
        what = (f'{logits.shape[-1]} outputs' if logits.ndim > 1 else
                'no feature maps')
        raise UserError(
            f"discriminator '{kind.__module__.split('.')[-1]}' has {what}, and "
            'a class is compared with the features behind one output: '
            'outputs=1, or config.data.labels=False, would be right')
      layer = getattr(self, 'dense', dense.plain)
      options = ({'initializer': self.initializer()}
                 if hasattr(self, 'initializer') else {})
      features = output.total(last)
      v = layer(features.shape[-1], use_bias=False, name='label', **options)(
          jax.nn.one_hot(labels, self.classes))
      product = jnp.sum(v.astype(jnp.float32) * features, 1)
      return logits + product / math.sqrt(features.shape[-1])

    def sow(self, collection, name, value, **options):
      """As of every module; remembers the last feature map."""
      if (collection, name) == ('features', 'blocks'):
        # A module in use cannot be changed otherwise; it is used once.
        object.__setattr__(self, '_last', value)
      return super().sow(collection, name, value, **options)

  return Discriminator
