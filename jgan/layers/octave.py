"""Octave convolutions (Chen et al., 2019), with the soft weights of Durall et
al. (2021).

A feature map [b, h, w, c] is represented by Octave(high, low): int(alpha c) of
the c channels are low and have half the resolution (jgan/ops/octave.py). Four
paths (convolutions) lead from the two maps of the input X to those of the
output Y:

  Y_high = high_high(X_high) + up(low_high(X_low))
  Y_low  = low_low(X_low) + high_low(pool(X_high))

`up` is nearest-neighbour upsampling after the convolution, and `pool` 2 x 2
average pooling before it, so that both convolutions run at the low resolution.
A path whose input or output has no channels does not exist. The input and the
output of a network are plain maps; `last` makes the layer with a plain output.
The kernel of each path is initialised by the fans of that path alone. There is
one bias per output map, in the first path that leads to it.

Soft octaves weight their input: beta_high X_high and beta_low X_low. The
weights are scalars 'beta_high' and 'beta_low' in the collection 'schedule',
initially 1; jgan/schedules/octave.py changes them during training. A plain
input is not weighted.

Octaves save operations, at alpha = .5 more than half of them, but seldom time:
four small convolutions replace one.
"""
import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jgan import lookup
from jgan.errors import UserError
from jgan.layers.initializer import Init, torch_default
from jgan.layers.resize import downsample, upsample
from jgan.ops.octave import Octave, each

STRIDES = ('durall', 'fb')
ODD = ('refuse', 'pad')


class _Layer(nn.Module):
  """Base class of both layers; attributes as in OctaveConv."""
  conv: Callable
  features: int
  use_bias: bool = True
  initializer: Init = torch_default()
  dtype: Any = jnp.float32
  alpha: float = .5
  last: bool = False

  def low_features(self):
    """Number of low channels of the output."""
    if not 0 <= self.alpha <= 1:
      raise UserError(f'octave: alpha is {self.alpha}, a share in [0, 1] would '
                      'be right')
    return 0 if self.last else int(self.alpha * self.features)

  def weighted(self, x):
    """(high, low) maps of the input times their betas; None if absent."""
    if not isinstance(x, Octave):
      return x, None

    def weight(name, x):
      beta = self.variable('schedule', name, jnp.ones, ())
      return x * beta.value.astype(x.dtype)

    return (None if x.high is None else weight('beta_high', x.high),
            weight('beta_low', x.low))

  def joined(self, to_high, to_low, size):
    """Convolves along the paths {name: map or None} and sums the outputs.

    size: (h, w) of the output, to which smaller maps are upsampled.
    """
    def convolve_sum(paths, features, size):
      """Sum over the paths; None if there is none."""
      total = None
      for name, x in paths.items():
        if x is None or not features:
          continue
        y = self.path(x, features, use_bias=self.use_bias and total is None,
                      initializer=self.initializer, dtype=self.dtype, name=name)
        y = _upsample_to(y, size)
        total = y if total is None else total + y
      return total

    low, half = self.low_features(), tuple(-(-n // 2) for n in size)
    high = convolve_sum(to_high, self.features - low, size)
    return Octave(high, convolve_sum(to_low, low, half)) if low else high


class OctaveConv(_Layer):
  """Octave convolution: [b, h, w, c] or an Octave -> Octave, or [b, h', w',
  features] if no channel is low.

  With alpha 0 it is a plain convolution. It keeps the size of a map, or halves
  it by average pooling: a strided convolution would shift the high map
  relative to the low one.

  Attributes:
    conv: factory of the convolution of a path.
    features: channels of the output, high and low together.
    kernel, dilation, use_bias, initializer, dtype: as in Conv.
    stride: 1, or 2 to apply 2 x 2 average pooling first.
    padding: None, or the padding that keeps the size.
    groups: of every path, so that a group has high and low channels; as many
      as channels make a depthwise convolution, which has no paths between high
      and low.
    alpha: the fraction of low channels, in [0, 1].
    octave_stride: the meaning of stride 2. 'durall' pools both maps of X, then
      convolves as above; in 'fb', the published code of the inventors, the
      path low_high reads X_low without pooling, because it already has the
      size of Y_high.
    odd: for an odd height or width, which cannot be halved: 'refuse', or 'pad'
      by repeating the edge, and crop after upsampling.
    last: the output is a plain map, without low channels.

  Raises:
    UserError: a field or the input's size is not as above.
  """
  kernel: int = 3
  stride: int = 1
  padding: int | None = None
  dilation: int = 1
  groups: int = 1
  octave_stride: str = 'durall'
  odd: str = 'refuse'

  @nn.compact
  def __call__(self, x):
    self._check(x)
    size = tuple(-(-n // self.stride) for n in x.shape[1:3])
    high, low = self.weighted(x)
    low_to_high = low
    if self.stride == 2:
      high, low = (_halve(x, self.odd) for x in (high, low))
      if self.octave_stride == 'durall':
        low_to_high = low
    pooled = _halve(high, self.odd) if self.low_features() else None
    if self._is_depthwise(x):
      low_to_high = pooled = None
    return self.joined({'high_high': high, 'low_high': low_to_high},
                       {'high_low': pooled, 'low_low': low}, size)

  def path(self, x, features, **fields):
    """The convolution of one path."""
    # A path of a depthwise convolution is one itself.
    groups = min(self.groups, x.shape[-1])
    return self.conv(features, kernel=self.kernel, dilation=self.dilation,
                     groups=groups, **fields)(x)

  def _is_depthwise(self, x):
    return self.groups > 1 and self.groups == x.shape[-1] == self.features

  def _check(self, x):
    """Refuses impossible values of fields, alone and with this input."""
    for value, known, key in ((self.octave_stride, STRIDES, 'octave_stride'),
                              (self.odd, ODD, 'odd')):
      if value not in known:
        raise UserError(f"octave: no {key} '{value}': "
                        f'{lookup.nearest(value, known)}')
    same = self.dilation * (self.kernel // 2)
    if self.stride not in (1, 2):
      raise UserError(f'octave: stride is {self.stride}, 1 or 2 would be right')
    if self.kernel % 2 == 0 or self.padding not in (None, same):
      raise UserError(f'octave: kernel {self.kernel} with padding '
                      f'{self.padding} changes the size of a map; an odd kernel'
                      ' with padding None would be right')
    low = x.low.shape[-1] if isinstance(x, Octave) else 0
    sizes = (x.shape[-1], low, self.features, self.low_features())
    if not (low == self.low_features() if self._is_depthwise(x) else
            all(n % self.groups == 0 for n in sizes)):
      raise UserError(
          f'octave: {self.groups} groups from {sizes[0]} channels, {low} low, '
          f'to {self.features}, {sizes[3]} low; a number that divides all '
          'four, or as many as channels, in and out alike, would be right')


class OctaveConvTranspose(_Layer):
  """Octave form of a transposed convolution: -> Octave, or [b, stride h,
  stride w, features] if no channel is low.

  As OctaveConv, with a transposed convolution in every path.

  Attributes, in addition to OctaveConv's:
    kernel, stride, padding: as in ConvTranspose; kernel - 2 padding = stride,
      so that a map becomes `stride` times as large.

  Raises:
    UserError: a field is not as above, or a plain input has an odd size.
  """
  kernel: int = 4
  stride: int = 2
  padding: int = 1

  @nn.compact
  def __call__(self, x):
    if self.kernel - 2 * self.padding != self.stride:
      raise UserError(
          f'octave: kernel {self.kernel}, stride {self.stride}, padding '
          f'{self.padding}: high and low maps would not fit; kernel - 2 padding'
          ' = stride, as 4, 2 and 1, would be right')
    high, low = self.weighted(x)
    pooled = _halve(high) if self.low_features() else None
    return self.joined({'high_high': high, 'low_high': low},
                       {'high_low': pooled, 'low_low': low},
                       tuple(n * self.stride for n in x.shape[1:3]))

  def path(self, x, features, **fields):
    """The transposed convolution of one path."""
    return self.conv(features, kernel=self.kernel, stride=self.stride,
                     padding=self.padding, **fields)(x)


def last(conv):
  """Factory of the layer whose output is a plain map.

  conv: any convolution factory; without octaves it is returned unchanged.
  """
  return functools.partial(conv, last=True) if _makes_octaves(conv) else conv


def refuse(conv, model):
  """Refuses octave convolutions in a model that does not support them.

  Raises:
    UserError: the factory `conv` makes octave convolutions.
  """
  if _makes_octaves(conv):
    raise UserError(f"{model}: it has no octave form; conv 'plain' or "
                    "'spectral', or the models dcgan, sngan or autogan would "
                    'be right')


def halving(conv):
  """Factory of a layer of 2 x 2 average pooling and a convolution.

  conv: any convolution factory; octave convolutions pool by `octave_stride`.
  """
  if _makes_octaves(conv):
    return functools.partial(conv, stride=2)
  return lambda *fields, **keywords: (
      lambda x: conv(*fields, **keywords)(downsample(x)))


def pooling(conv):
  """The 2 x 2 average pooling beside convolutions: a map or Octave -> its half.

  conv: any convolution factory; octave convolutions say by `odd` what becomes
    of odd sizes.
  """
  if not _makes_octaves(conv):
    return downsample
  fields = functools.partial(conv).keywords
  return each(functools.partial(_halve, odd=fields.get('odd', OctaveConv.odd)))


def whole(x):
  """A plain map [b, h, w, c]: the high channels, then the upsampled low ones.

  A plain input is returned unchanged.
  """
  if not isinstance(x, Octave):
    return x
  if x.high is None:
    return upsample(x.low)
  return jnp.concatenate([x.high, _upsample_to(x.low, x.high.shape[1:3])], -1)


def _makes_octaves(conv):
  factory = functools.partial(conv).func  # a partial of a partial is flat
  return isinstance(factory, type) and issubclass(factory, _Layer)


def _upsample_to(x, size):
  """Doubles a map and crops it to (h, w), unless it has that size already."""
  if x.shape[1:3] == tuple(size):
    return x
  return upsample(x)[:, :size[0], :size[1]]


def _halve(x, odd='refuse'):
  """2 x 2 average pooling; None stays None."""
  if x is None:
    return None
  rows, columns = x.shape[1] % 2, x.shape[2] % 2
  if rows or columns:
    if odd == 'refuse':
      raise UserError(f'octave: a map of {x.shape[1]} x {x.shape[2]} has no '
                      "half; even sizes, or odd='pad', would be right")
    x = jnp.pad(x, ((0, 0), (0, rows), (0, columns), (0, 0)), mode='edge')
  return downsample(x)
