"""FastGAN (Liu et al., 2021): few training images, high resolution.

Both networks have spectral normalisation, and no biases except in batch
normalisation. The paper's sizes start at 256 pixels. For 64 and 128 pixels the
same networks are truncated: the blocks and skips of larger maps are left out.
The discriminator also reads a smaller image, of 128 pixels if the images have
256 or more, else of half their size.
"""
import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jgan.layers import (
    act,
    conv,
    initializer,
    latent_noise,
    norm,
    output,
)
from jgan.layers.conv import ConvTranspose
from jgan.layers.resize import doublings, downsample, upsample
from jgan.layers.skip_excitation import SkipExcitation
from jgan.layers.spectral_norm import SpectralNorm
from jgan.ops import collectives

SIZES = (64, 128, 256, 512, 1024)
# Channels of the generator at each resolution, for a width of 64.
_WIDTHS = {4: 1024, 8: 512, 16: 256, 32: 128, 64: 128, 128: 64, 256: 32,
           512: 16, 1024: 8}
# Channels of a decoder at each resolution, for a width of 64.
_DECODER = {16: 128, 32: 64, 64: 64, 128: 32}


class Noise(nn.Module):
  """Adds one map of N(0, 1) noise to all channels, with a learned weight.

  The noise is drawn from the key of each image in `keys`, else from the RNG
  'noise'; without either, nothing is added.

  layer: int that makes the noise from the same keys differ between layers.
  """
  axis_name: str | None = None
  layer: int = 0

  @nn.compact
  def __call__(self, x, keys=None):
    weight = self.param('weight', nn.initializers.zeros, ())
    shape = (*x.shape[1:3], 1)
    if keys is not None:
      noise = latent_noise.draw(keys, self.layer, shape)
    elif self.has_rng('noise'):
      noise = collectives.draw(jax.random.normal, self.make_rng('noise'),
                               (len(x), *shape), self.axis_name)
    else:
      return x
    return x + (weight * noise).astype(x.dtype)


class UpBlock(nn.Module):
  """Doubles a map: [b, h, w, c] -> [b, 2h, 2w, features].

  noise: factory of the noise layer after each of two convolutions; None: a
    block of one convolution without noise.
  """
  features: int
  conv: Callable
  norm: Callable
  noise: Callable | None = None

  @nn.compact
  def __call__(self, x, train, keys=None):
    """keys: [b], of the noise outside training."""
    x = upsample(x)
    for i in range(2 if self.noise else 1):
      x = self.conv(2 * self.features, name=f'conv_{i}')(x)
      if self.noise:
        x = self.noise(layer=2 * x.shape[1] + i, name=f'noise_{i}')(x, keys)
      x = nn.glu(self.norm(name=f'norm_{i}')(x, train))
    return x


class DownBlock(nn.Module):
  """Halves a map: [b, h, w, c] -> [b, h / 2, w / 2, features].

  residual: whether the output is the mean of two branches, one of two
    convolutions and one of pooling and a 1 x 1 convolution; else it is that
    of a single convolution.
  """
  features: int
  conv: Callable
  norm: Callable
  residual: bool = True

  @nn.compact
  def __call__(self, x, train):
    def layer(name, x, **fields):
      x = self.conv(self.features, name=f'conv_{name}', **fields)(x)
      return act.leaky_relu(self.norm(name=f'norm_{name}')(x, train))

    h = layer('0', x, kernel=4, stride=2, padding=1)
    if not self.residual:
      return h
    direct = layer('direct', downsample(x), kernel=1)
    return (layer('1', h) + direct) / 2


class Decoder(nn.Module):
  """Reconstructs an image from a feature map: [b, 8, 8, c] -> [b, size, size,
  colors].
  """
  size: int
  colors: int
  width: int
  conv: Callable
  norm: Callable

  @nn.compact
  def __call__(self, x, train):
    for size, features in _DECODER.items():
      if size <= self.size:
        x = UpBlock(_channels(features, self.width), self.conv, self.norm,
                    name=f'block_{size}')(x, train)
    return output.image(self.conv(self.colors, name='to_rgb')(x))


class Generator(nn.Module):
  """z [b, latent] -> images [b, size, size, colors] in [-1, 1].

  Attributes:
    width: scales all numbers of channels; 64 is the published network.
    side: in training, return a pair for the discriminator: the images, and
      smaller ones [b, s, s, colors] that are generated from an earlier map.
    tanh: False omits the tanh at the output, as the published code does by
      mistake below 1024 pixels.
    stored_noise: outside training, all images get the same noise.
    remat: compute blocks twice, to hold only their outputs.
  """
  size: int
  colors: int
  latent: int = 256
  width: int = 64
  side: bool = False
  tanh: bool = True
  stored_noise: bool = False
  remat: bool = False
  dtype: Any = jnp.float32
  axis_name: str | None = None

  @nn.compact
  def __call__(self, z, train):
    doublings(self.size, SIZES)
    conv, norm = _parts(self)
    bound = train and not self.is_initializing()
    noise = functools.partial(Noise, self.axis_name if bound else None)
    keys = None if train else latent_noise.keys(
        jnp.zeros_like(z) if self.stored_noise else z)
    widths = {size: _channels(n, self.width) for size, n in _WIDTHS.items()
              if size <= self.size}
    finish = output.image if self.tanh else (lambda x: x.astype(jnp.float32))

    # For a 1 x 1 input the stride makes no difference; with a stride of 4 it
    # is computed as a matrix product.
    x = ConvTranspose(2 * widths[4], kernel=4, stride=4, padding=0,
                      use_bias=False, initializer=initializer.normal(),
                      weight=SpectralNorm, dtype=self.dtype,
                      name='stem')(z[:, None, None])
    maps = {4: nn.glu(norm(name='norm')(x, train))}
    for size, features in list(widths.items())[1:]:
      x = _block(self, UpBlock)(
          features, conv, norm, noise if size in (8, 32, 128, 512) else None,
          name=f'block_{size}')(maps[size // 2], train, keys)
      if 64 <= size <= 512:
        x = SkipExcitation(conv, name=f'skip_{size}')(x, maps[size // 16])
      self.sow('features', 'blocks', x)
      maps[size] = x
    image = finish(conv(self.colors, name='to_rgb')(x))
    if not (self.side and train):
      return image
    side = conv(self.colors, kernel=1, name='to_side')(maps[_side(self.size)])
    return image, finish(side)


class Discriminator(nn.Module):
  """[b, size, size, colors] -> logits [b], or [b, outputs] if outputs > 1.

  One network reads the image, another a smaller version of it: the second of
  an input pair (images, smaller images), else the image, subsampled. Each
  network has logits for 25 patches.

  Attributes:
    width: scales all numbers of channels; 64 is the published network.
    patches: return the logits of all patches, [b, 50 outputs], instead of
      their mean; the paper's loss averages over patches.
    decode: self-supervision by three decoders. Two reconstruct the image from
      the last map of each network, and the third reconstructs one quarter of
      the image from that quarter of the 16 x 16 map; the RNG 'noise' chooses
      the quarter, the same for the batch. They run if the collection 'decoded'
      is mutable: its 'pairs' are then three (reconstruction, target), both
      [b, s, s, colors] in [-1, 1].
    remat: as in Generator.
    norm: of the layers outside the decoders.
  """
  size: int
  colors: int
  outputs: int = 1
  width: int = 64
  patches: bool = False
  decode: bool = False
  remat: bool = False
  norm: Callable = norm.batch
  dtype: Any = jnp.float32
  axis_name: str | None = None

  @nn.compact
  def __call__(self, x, train):
    doublings(self.size, SIZES)
    image, small = x if isinstance(x, tuple) else (
        x, _shrink(x, _side(self.size)))
    conv, norm = _parts(self, self.norm)
    last, middle = self._large(image, train, conv, norm)
    side = self._small(small, train, conv, norm)

    h = conv(_channels(1024, self.width), kernel=1, name='conv_logits')(last)
    h = act.leaky_relu(norm(name='norm_logits')(h, train))
    to_logits = functools.partial(conv, self.outputs, kernel=4, padding=0)
    logits = jnp.stack([to_logits(name='logits')(h),
                        to_logits(name='logits_side')(side)], 1)
    if self.decode and self.is_mutable_collection('decoded'):
      quarter = (jax.random.randint(self.make_rng('noise'), (), 0, 4)
                 if self.has_rng('noise') else 0)
      for name, h, target in (
          ('image', last, small), ('side', side, small),
          ('part', _quarter(middle, quarter),
           _shrink(_quarter(image, quarter), small.shape[1]))):
        reconstruction = Decoder(
            small.shape[1], self.colors, self.width, *_parts(self),
            name=f'decoder_{name}')(h, train)
        self.sow('decoded', 'pairs', (reconstruction, target))
    if self.patches:
      return logits.astype(jnp.float32).reshape(len(logits), -1)
    return output.logits(logits.astype(jnp.float32).mean((1, 2, 3)))

  def _large(self, x, train, conv, norm):
    """The 8 x 8 and the 16 x 16 feature map of the full image."""
    width = lambda size: _channels(4096 // size, self.width)
    strided = functools.partial(conv, kernel=4, stride=2, padding=1)
    if self.size > 512:
      x = act.leaky_relu(strided(width(512), name='conv_512')(x))
      x = act.leaky_relu(norm(name='norm_256')(
          strided(width(256), name='conv_256')(x), train))
    elif self.size > 256:
      x = act.leaky_relu(strided(width(256), name='conv_256')(x))
    else:
      x = act.leaky_relu(conv(width(self.size), name='from_rgb')(x))
    maps = {x.shape[1]: x}
    size = x.shape[1] // 2
    while size >= 8:
      x = _block(self, DownBlock)(width(size), conv, norm,
                                  name=f'block_{size}')(x, train)
      if 8 * size in maps:
        x = SkipExcitation(conv, name=f'skip_{size}')(x, maps[8 * size])
      self.sow('features', 'blocks', x)
      maps[size] = x
      size //= 2
    return maps[8], maps[16]

  def _small(self, x, train, conv, norm):
    """The 8 x 8 feature map of the smaller image."""
    width = lambda size: _channels(2048 // size, self.width)
    size = x.shape[1] // 2
    x = act.leaky_relu(conv(width(size), kernel=4, stride=2, padding=1,
                            name='side_from_rgb')(x))
    while size > 8:
      size //= 2
      x = _block(self, DownBlock)(width(size), conv, norm, residual=False,
                                  name=f'side_block_{size}')(x, train)
    self.sow('features', 'blocks', x)
    return x


def _block(model, block):
  """A class of blocks, which are computed again for gradients if asked for."""
  return nn.remat(block, static_argnums=2) if model.remat else block


def _parts(model, norm=norm.batch):
  """Factories of the convolutions and the normalisations of a network."""
  common = dict(initializer=initializer.normal(), dtype=model.dtype)
  return (functools.partial(conv.spectral, use_bias=False, **common),
          functools.partial(norm, axis_name=model.axis_name, **common))


def _channels(published, width):
  """Scales a number of channels of the published network, of width 64."""
  return max(published * width // 64, 1)


def _side(size):
  """The size of the smaller images."""
  return min(size // 2, 128)


def _shrink(x, size):
  """Subsampling: [b, h, h, c] -> [b, size, size, c]."""
  step = x.shape[1] // size
  return x[:, ::step, ::step]


def _quarter(x, index):
  """Quarter 0 to 3, row by row: [b, h, h, c] -> [b, h/2, h/2, c]."""
  half = x.shape[1] // 2
  x = jax.lax.dynamic_slice_in_dim(x, index // 2 * half, half, 1)
  return jax.lax.dynamic_slice_in_dim(x, index % 2 * half, half, 2)
