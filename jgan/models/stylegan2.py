"""StyleGAN2 (Karras et al., 2020): a generator with output skips and a
residual discriminator, configuration F; with classes as in ADA (Karras et al.,
2020, "Training GANs with limited data").

The number of channels doubles with every halving of the map, from `width` at
full resolution to at most `most`. Width 0 is 2^15 / size, the paper's large
networks; 2^14 / size is its small ones; 128 is the usual choice for CIFAR-10
(DiffAugment) and Tiny-ImageNet.

A noise map is added after each convolution. In training, with an RNG 'noise',
the maps are drawn for each sample, and styles are mixed. In evaluation each
image also has maps of its own, as in the reference code, but drawn from a key
that is a hash of z, so that an image is a function of z. With `stored_noise`
all images share the maps in the collection 'noise', which are drawn at
initialisation and stored with the weights: for latent interpolation.
"""
import dataclasses
import functools
import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jgan.errors import UserError
from jgan.layers import classes, latent_noise, output
from jgan.layers.equalized import (
    EqualizedConv,
    EqualizedDense,
    scaled_leaky_relu,
)
from jgan.layers.minibatch_stddev import minibatch_stddev
from jgan.layers.modulated import ModulatedConv
from jgan.layers.pixel_norm import pixel_norm
from jgan.layers.resize import doublings
from jgan.ops import collectives
from jgan.ops.upfirdn import blur, double, halve

_SIZES = tuple(2**i for i in range(3, 11))
_CLASS_MAPPING = 8, .01  # depth and rate of D's


class Mapping(nn.Module):
  """z [b, d], labels [b] or both -> style w [b, features]: the pixel norm of z
  and of an embedding of the class, side by side, and dense layers.
  """
  features: int
  depth: int
  rate: float
  classes: int = 0

  @nn.compact
  def __call__(self, z=None, labels=None):
    parts = [] if z is None else [pixel_norm(z)]
    if labels is not None:
      embedding = EqualizedDense(self.features, name='embed')
      parts.append(pixel_norm(embedding(jax.nn.one_hot(labels, self.classes))))
    w = jnp.concatenate(parts, -1)
    for i in range(self.depth):
      w = scaled_leaky_relu(EqualizedDense(self.features, self.rate,
                                           name=f'dense_{i}')(w))
    return w


class Constant(nn.Module):
  """The learned map [4, 4, features] that every image starts from."""
  features: int

  @nn.compact
  def __call__(self, b):
    const = self.param('const', nn.initializers.normal(1.),
                       (4, 4, self.features))
    return jnp.broadcast_to(const, (b, *const.shape))


class StyledConv(nn.Module):
  """ModulatedConv, noise with a learned strength, activation."""
  features: int
  up: bool = False
  dtype: Any = jnp.float32
  axis_name: str | None = None

  @nn.compact
  def __call__(self, x, style, train, keys):
    x = ModulatedConv(self.features, up=self.up, dtype=self.dtype,
                      name='conv')(x, style)
    strength = self.param('noise_strength', nn.initializers.zeros, ())
    shape = (*x.shape[1:3], 1)
    noise = self.variable('noise', 'map', lambda: jax.random.normal(
        self.make_rng('params'), shape)).value
    if train and self.has_rng('noise'):
      noise = collectives.draw(jax.random.normal, self.make_rng('noise'),
                               (x.shape[0], *shape), self.axis_name)
    elif keys is not None:
      noise = latent_noise.draw(keys, 2 * shape[0] + self.up, shape)
    return scaled_leaky_relu(x + (strength * noise).astype(x.dtype))


class UpBlock(nn.Module):
  """Doubles a feature map and the image of the output skips.

  With image=None it is the first block, which keeps the size of the map and
  has one convolution and one style less.
  """
  features: int
  colors: int
  dtype: Any
  axis_name: str | None

  @nn.compact
  def __call__(self, x, image, styles, train, keys):
    """x: [b, h, w, c]; image: [b, h, w, colors]; styles: [b, 3, d]; keys: [b],
    of the noise outside training, or None for the stored maps."""
    layer = functools.partial(StyledConv, self.features, dtype=self.dtype,
                              axis_name=self.axis_name)
    if image is not None:
      x = layer(up=True, name='conv_0')(x, styles[:, 0], train, keys)
    x = layer(name='conv_1')(x, styles[:, -2], train, keys)
    rgb = ModulatedConv(self.colors, kernel=1, demodulate=False,
                        dtype=self.dtype, name='to_rgb')(x, styles[:, -1])
    rgb = rgb.astype(jnp.float32)
    return x, rgb if image is None else rgb + double(image)


class DownBlock(nn.Module):
  """[b, h, w, c] -> [b, h/2, w/2, features].

  residual: add the convolved half of the input.
  """
  features: int
  dtype: Any
  residual: bool = True

  @nn.compact
  def __call__(self, x):
    conv = functools.partial(EqualizedConv, dtype=self.dtype)
    h = scaled_leaky_relu(conv(x.shape[-1], name='conv_0')(x))
    h = conv(self.features, stride=2, padding=0, name='conv_1')(
        blur(h, (2, 2)))
    if not self.residual:
      return scaled_leaky_relu(h)
    x = conv(self.features, kernel=1, use_bias=False, name='skip')(halve(x))
    return (scaled_leaky_relu(h) + x) / math.sqrt(2)


class Generator(nn.Module):
  """z [b, latent] -> images [b, size, size, colors].

  They are unbounded in training, else clipped to [-1, 1].

  Attributes:
    latent: the width of z and of styles.
    width: channels of the last block, 0: 2^15 / size.
    most: maximum number of channels of a block.
    depth: number of layers of the mapping network.
    rate: learning rate of the mapping network relative to other layers.
    mixing: probability of style mixing in a batch: later layers take their
      styles from a second latent.
    stored_noise: outside training, all images get the same noise.
    remat: compute blocks twice, to hold only their outputs.
    classes: number of classes, of which `labels`, int [b], give one to each
      image, and which the mapping embeds; 0: the images have none.
  """
  size: int
  colors: int
  latent: int = 512
  width: int = 0
  most: int = 512
  depth: int = dataclasses.field(default=8, metadata={'least': 0})
  rate: float = .01
  mixing: float = .9
  stored_noise: bool = False
  remat: bool = False
  classes: int = 0
  dtype: Any = jnp.float32
  axis_name: str | None = None

  def setup(self):
    widths = _widths(self.size, self.width, self.most)
    if not 0 <= self.mixing <= 1:
      raise UserError(f'stylegan2: mixing is {self.mixing}, a probability in '
                      '[0, 1] would be right')
    if self.classes and not self.depth:
      raise UserError(f'stylegan2: depth is 0 and classes is {self.classes}: '
                      'only a mapping of at least 1 layer knows of classes')
    self.mapping = Mapping(self.latent, self.depth, self.rate, self.classes)
    self.input = Constant(widths[0])
    block = nn.remat(UpBlock, static_argnums=4) if self.remat else UpBlock
    self.block = [block(features, self.colors, self.dtype, self.axis_name)
                  for features in widths]

  def __call__(self, z, train, labels=None):
    noise_from_z = not (train or self.stored_noise)
    return self.synthesise(self.styles(z, train, labels), train,
                           latent_noise.keys(z) if noise_from_z else None)

  def styles(self, z, train, labels=None):
    """z [b, latent] -> one style per layer, [b, layers, latent]."""
    classes.given(self, labels)
    layers = 2 * len(self.block)
    style = self.mapping(z, labels)[:, None]
    if train and self.mixing and self.has_rng('noise'):
      # Whether and where to mix is the same for the batch, as in the reference.
      mix_key, crossover_key, z_key = jax.random.split(
          self.make_rng('noise'), 3)
      z = collectives.draw(jax.random.normal, z_key, z.shape, self.axis_name)
      crossover = jnp.where(
          jax.random.bernoulli(mix_key, self.mixing),
          jax.random.randint(crossover_key, (), 1, layers), layers)
      style = jnp.where((jnp.arange(layers) < crossover)[:, None], style,
                        self.mapping(z, labels)[:, None])
    return jnp.broadcast_to(style, (z.shape[0], layers, self.latent))

  def synthesise(self, styles, train, keys=None):
    """Synthesis network: styles [b, layers, latent] -> images.

    keys: [b], of the noise outside training, or None for the stored maps.
    """
    x, image = self.input(styles.shape[0]), None
    for i, block in enumerate(self.block):
      # to_rgb has the same style as the first convolution of the next block.
      block_styles = styles[:, max(2 * i - 1, 0):2 * i + 2]
      x, image = block(x, image, block_styles, train, keys)
      self.sow('features', 'blocks', x)
    return image if train else jnp.clip(image, -1., 1.)


class Discriminator(nn.Module):
  """[b, size, size, colors] -> logits [b], or [b, outputs] if outputs > 1.

  Attributes:
    width, most: as in Generator.
    group: group size of the minibatch standard deviation
      (layers/minibatch_stddev.py).
    residual: blocks have a shortcut.
    remat: as in Generator.
    classes: as in Generator, but the logit is the product of the features with
      those that a mapping of 8 layers makes of the class, over the root of
      their number.
  """
  size: int
  colors: int
  outputs: int = 1
  width: int = 0
  most: int = 512
  group: int = 4
  residual: bool = True
  remat: bool = False
  classes: int = 0
  dtype: Any = jnp.float32
  axis_name: str | None = None

  @nn.compact
  def __call__(self, x, train, labels=None):
    conditional = classes.given(self, labels)
    first, *widths = reversed(_widths(self.size, self.width, self.most))
    conv = functools.partial(EqualizedConv, dtype=self.dtype)
    x = scaled_leaky_relu(conv(first, kernel=1, name='from_rgb')(x))
    block = nn.remat(DownBlock) if self.remat else DownBlock
    for i, features in enumerate(widths):
      x = block(features, self.dtype, self.residual, name=f'block_{i}')(x)
      self.sow('features', 'blocks', x)
    # In initialisation and evaluation there is no device axis.
    sharded = train and not self.is_initializing()
    x = minibatch_stddev(x, group=self.group,
                         axis_name=self.axis_name if sharded else None)
    x = scaled_leaky_relu(conv(widths[-1], name='conv')(x))
    x = x.reshape(x.shape[0], -1).astype(jnp.float32)
    x = scaled_leaky_relu(EqualizedDense(widths[-1], name='linear_0')(x))
    last = functools.partial(EqualizedDense, name='linear_1')
    if not conditional:
      return output.logits(last(self.outputs)(x))
    sought = Mapping(widths[-1], *_CLASS_MAPPING, self.classes, name='mapping')(
        labels=labels)
    return jnp.sum(last(widths[-1])(x) * sought, 1) / math.sqrt(widths[-1])


def _widths(size, width, most):
  """Channels at 4, 8, ..., size pixels.

  Raises:
    UserError: an unsupported size.
  """
  count = doublings(size, _SIZES)
  width = width or 2**15 // size
  return [min(most, width * 2**i) for i in range(count, -1, -1)]
