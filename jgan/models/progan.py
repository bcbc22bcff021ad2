"""Progressively grown networks (Karras et al., 2018), as in Re-GAN.

A network is initialised with the layers of all stages: 4, 8, ... `size`
pixels. `model.clone(stage=16)` is the network of an earlier stage with the
same variables: it generates or reads images of 16 x 16 pixels and does not use
the layers of later stages, whose gradient is then zero. 'alpha' in the
collection 'schedule' blends a stage in: in [0, 1) it is the weight of the new
layers, relative to the path of the previous stage; any other value means the
new layers alone. The collection of the generator also has 'stage', the current
resolution of training, for sampling (jgan/methods/progressive.py).

There are two variants of these networks, and the fields choose between them.
The defaults are those of the code of Re-GAN (Saxena et al., 2023). The
original has:

  both           table='paper', pixel_norm='after' (generator), 'none'
                 (discriminator), act='leaky_relu', last_gain=1.
  generator      normalise=True, stem_fan='in', stem_convs=1, tanh=False
  discriminator  hidden='in', rgb_act=True, group=4
"""
import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jgan import lookup
from jgan.errors import UserError
from jgan.layers import act, equalized, output
from jgan.layers.conv import Conv, ConvTranspose
from jgan.layers.dense import Dense
from jgan.layers.minibatch_stddev import minibatch_stddev
from jgan.layers.pixel_norm import pixel_norm
from jgan.layers.resize import doublings, downsample, upsample
from jgan.ops import collectives

# Divisors of `width` that give the channels at 4, 8, 16, ... pixels.
_TABLES = {'regan': (1, 1, 1, 1, 2, 4, 4),
           'paper': (1, 1, 1, 1, 2, 4, 8, 16, 32)}
# Order of the pixel norm and the activation: (activation, x) -> x.
_ACTIVATIONS = {'before': lambda act, x: act(pixel_norm(x)),
                'after': lambda act, x: pixel_norm(act(x)),
                'none': lambda act, x: act(x)}
_HIDDEN = ('out', 'in')
_STEM_FANS = {'out': True, 'in': False}
_GAIN = math.sqrt(2)
_choice = functools.partial(lookup.choice, 'progan')
# What a run did whose config.json is older than these fields.
EARLIER = {'generator': {'stem_fan': 'in'}}


class Generator(nn.Module):
  """z [b, latent] -> images [b, stage, stage, colors].

  A tanh bounds them to [-1, 1], except in the stage of 4 pixels.

  Attributes:
    width: channels of the coarse stages.
    stage: height and width of the images; 0: size.
    table: how channels decrease with the resolution: regan | paper.
    stem_fan: the layer that reads z is equalised by 16 times its channels
      'out', as PyTorch has it for a transposed convolution, or 'in'.
    stem_convs: convolutions at 4 pixels, after the layer that reads z.
    pixel_norm: before | after the activation | none.
    normalise: apply pixel normalisation to z.
    last_gain: gain of the equalised layers that output the images.
    tanh: apply a tanh to the images, after blending.
  """
  size: int
  colors: int
  latent: int = 512
  width: int = 512
  stage: int = 0
  table: str = 'regan'
  stem_fan: str = 'out'
  stem_convs: int = dataclasses.field(default=2, metadata={'least': 0})
  pixel_norm: str = 'before'
  normalise: bool = False
  last_gain: float = _GAIN
  tanh: bool = True
  act: Callable = act.leaky_relu_tenth
  dtype: Any = jnp.float32
  axis_name: str | None = None

  @nn.compact
  def __call__(self, z, train):
    del train
    widths, stage = _stages(self)
    layer = _equalized(self)
    activate = functools.partial(
        _choice('pixel_norm', self.pixel_norm, _ACTIVATIONS), self.act)

    x = pixel_norm(z) if self.normalise else z
    # For a 1 x 1 input the stride makes no difference; with a stride of 4 it
    # is computed as a matrix product.
    x = activate(layer(
        ConvTranspose, widths[4], kernel=4, stride=4, padding=0, name='stem',
        fan_out=_choice('stem_fan', self.stem_fan, _STEM_FANS))(
            x[:, None, None]))
    images = []
    for size, features in widths.items():
      if size > stage:
        break
      x = upsample(x) if size > 4 else x
      for i in range(2 if size > 4 else self.stem_convs):
        x = activate(layer(Conv, features, name=f'conv_{size}_{i}')(x))
      self.sow('features', 'blocks', x)
      if size in (stage // 2, stage) or self.is_initializing():
        images.append(layer(Conv, self.colors, kernel=1, gain=self.last_gain,
                            name=f'to_rgb_{size}')(x).astype(jnp.float32))
    if self.is_initializing():
      self.variable('schedule', 'stage', lambda: jnp.int32(self.size))
    alpha = _alpha(self)
    *previous, image = images
    if previous:
      image = alpha * image + (1. - alpha) * upsample(previous[-1])
    return output.image(image) if self.tanh and stage > 4 else image


class Discriminator(nn.Module):
  """[b, stage, stage, colors] -> logits [b], or [b, outputs] if outputs > 1.

  Attributes:
    width, stage, table, pixel_norm: as in Generator.
    hidden: channels between the two convolutions of a stage: as many as its
      output has ('out') or its input ('in').
    rgb_act: apply the activation to the layers that read the images.
    last_gain: gain of the equalised layer that outputs the logits.
    group: group size of the minibatch standard deviation
      (layers/minibatch_stddev.py); 0: the whole batch.
  """
  size: int
  colors: int
  outputs: int = 1
  width: int = 512
  stage: int = 0
  table: str = 'regan'
  hidden: str = 'out'
  pixel_norm: str = 'before'
  rgb_act: bool = False
  last_gain: float = _GAIN
  group: int = 0
  act: Callable = act.leaky_relu_tenth
  dtype: Any = jnp.float32
  axis_name: str | None = None

  @nn.compact
  def __call__(self, x, train):
    widths, stage = _stages(self)
    layer = _equalized(self)
    if self.hidden not in _HIDDEN:
      raise UserError(f"progan: no hidden '{self.hidden}': "
                      f'{lookup.nearest(self.hidden, _HIDDEN)}')
    activate = functools.partial(
        _choice('pixel_norm', self.pixel_norm, _ACTIVATIONS), self.act)
    # In initialisation and evaluation there is no device axis.
    bound = train and not self.is_initializing()
    axis_name = self.axis_name if bound else None

    from_rgb = {}
    for size, features in widths.items():
      if size in (stage // 2, stage) or self.is_initializing():
        image = x if size == stage else downsample(x)
        h = layer(Conv, features, kernel=1, name=f'from_rgb_{size}')(image)
        from_rgb[size] = self.act(h) if self.rgb_act else h
    alpha = _alpha(self).astype(self.dtype)

    x, size = from_rgb[stage], stage
    while size > 4:
      out = widths[size // 2]
      hidden = out if self.hidden == 'out' else widths[size]
      for i, features in enumerate((hidden, out)):
        x = activate(layer(Conv, features, name=f'conv_{size}_{i}')(x))
      x = downsample(x)
      if size == stage:
        x = alpha * x + (1 - alpha) * from_rgb[size // 2]
      self.sow('features', 'blocks', x)
      size //= 2
    batch = len(x) * collectives.size(axis_name)
    x = minibatch_stddev(x, group=self.group or batch, axis_name=axis_name)
    x = activate(layer(Conv, widths[4], name='conv_4_0')(x))
    self.sow('features', 'blocks', x)
    x = activate(layer(Conv, widths[4], kernel=4, padding=0,
                       name='conv_4_1')(x))
    return output.logits(layer(Dense, self.outputs, gain=self.last_gain,
                               name='linear')(x))


def _stages(model):
  """{resolution: channels} of all stages, and the current resolution."""
  divisors = _choice('table', model.table, _TABLES)
  widths = {4 * 2**i: max(model.width // divisor, 1)
            for i, divisor in enumerate(divisors)}
  doublings(model.size, widths)
  widths = {size: n for size, n in widths.items() if size <= model.size}
  stage = model.stage or model.size
  if stage not in widths:
    raise UserError(f'progan: no stage {stage} on the way to {model.size} '
                    f'pixels: {lookup.nearest(stage, widths)}')
  return widths, stage


def _alpha(model):
  """The blending weight of the newest layers, a scalar in [0, 1]."""
  alpha = model.variable('schedule', 'alpha', jnp.ones, ()).value
  return jnp.where((alpha >= 0) & (alpha < 1), alpha, 1.)


def _equalized(model):
  """A factory (layer class, features, gain=, ...) -> equalised layer."""
  def make(layer, features, gain=_GAIN, fan_out=False, **fields):
    return layer(features, initializer=equalized.UNIT, dtype=model.dtype,
                 weight=functools.partial(equalized.Equalized, gain, fan_out),
                 **fields)
  return make
