"""Octave convolutions (Chen et al., 2019), with the soft weights of Durall et
al. (2021).

A map [b, h, w, c] travels as Octave(high, low): of c channels int(alpha c) are
low and have half the size (jgan/ops/octave.py). Four paths lead from the two
maps of the input X to those of the output Y:

  Y_high = high_high(X_high) + up(low_high(X_low))
  Y_low  = low_low(X_low) + high_low(pool(X_high))

up repeats every pixel, after the convolution, and pool averages 2 x 2, before
it: so both are done where less is to do. A path whose input or output has no
channels does not exist. A network begins with a plain map and ends with one,
by `last`. Each path's kernel has the fans of that path alone. There is one
bias per output map, in the first path that leads to it.

Soft octaves weigh what comes in: beta_high X_high and beta_low X_low. The
weights are scalars 'beta_high' and 'beta_low' of the collection 'schedule', 1
until somebody sets them; jgan/schedules/octave.py does as training goes on. A
plain input is not weighted.

Octaves save arithmetic, at alpha = .5 more than half, and seldom time: they
are four small convolutions in the place of one.
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
from jgan.ops.octave import Octave

STRIDES = ('durall', 'fb')
ODD = ('refuse', 'pad')


class _Layer(nn.Module):
  """What both layers have; attributes as in OctaveConv."""
  conv: Callable
  features: int
  use_bias: bool = True
  initializer: Init = torch_default()
  dtype: Any = jnp.float32
  alpha: float = .5
  last: bool = False

  def low_features(self):
    """How many channels of the output are low."""
    if not 0 <= self.alpha <= 1:
      raise UserError(f'octave: alpha is {self.alpha}, a share in [0, 1] would '
                      'be right')
    return 0 if self.last else int(self.alpha * self.features)

  def weighted(self, x):
    """Both maps of the input times their betas; None for one that is not."""
    if not isinstance(x, Octave):
      return x, None

    def weigh(name, part):
      beta = self.variable('schedule', name, jnp.ones, ())
      return part * beta.value.astype(part.dtype)

    return (None if x.high is None else weigh('beta_high', x.high),
            weigh('beta_low', x.low))

  def joined(self, to_high, to_low, size):
    """Convolves along the paths {name: map or None} and adds up.

    size: (h, w) of the output; what falls short of it is repeated.
    """
    def total(paths, features, size):
      """None if no path is left."""
      found = None
      for name, x in paths.items():
        if x is None or not features:
          continue
        y = self.path(x, features, use_bias=self.use_bias and found is None,
                      initializer=self.initializer, dtype=self.dtype, name=name)
        y = _grow(y, size)
        found = y if found is None else found + y
      return found

    low, half = self.low_features(), tuple(-(-n // 2) for n in size)
    high = total(to_high, self.features - low, size)
    return Octave(high, total(to_low, low, half)) if low else high


class OctaveConv(_Layer):
  """Octave convolution: [b, h, w, c] or an Octave -> Octave, or [b, h', w',
  features] if no channel is low.

  With alpha 0 it is one convolution. It keeps the size of a map, or halves
  it, always by averaging: a strided convolution would shift the high map
  against the low one.

  Attributes:
    conv: makes the convolution of a path.
    features: channels of the output, high and low together.
    kernel, dilation, use_bias, initializer, dtype: as in Conv.
    stride: 1, or 2 to average 2 x 2 pixels first.
    padding: None, or what keeps the size.
    groups: 1, or all channels for a depthwise convolution, which has no paths
      between high and low.
    alpha: the share of low channels, in [0, 1].
    octave_stride: what stride 2 is. 'durall' averages both maps of X, then
      does as above; in 'fb', as the inventors published it, low_high takes
      X_low as it is, for it has the size of Y_high.
    odd: what to do with a height or width that cannot be halved: 'refuse', or
      'pad' it with a copy of its edge, and cut off what is too much later.
    last: no channel of the output is low: it is a plain map.

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
    across = low
    if self.stride == 2:
      high, low = (_halve(part, self.odd) for part in (high, low))
      across = low if self.octave_stride == 'durall' else across
    pooled = _halve(high, self.odd) if self.low_features() else None
    if self.groups > 1:
      across = pooled = None
    return self.joined({'high_high': high, 'low_high': across},
                       {'high_low': pooled, 'low_low': low}, size)

  def path(self, x, features, **fields):
    """The convolution of one path."""
    groups = x.shape[-1] if self.groups > 1 else 1
    return self.conv(features, kernel=self.kernel, dilation=self.dilation,
                     groups=groups, **fields)(x)

  def _check(self, x):
    """Refuses what would be no octave convolution."""
    for value, known, key in ((self.octave_stride, STRIDES, 'octave_stride'),
                              (self.odd, ODD, 'odd')):
      if value not in known:
        raise UserError(f"octave: no {key} '{value}': "
                        f'{lookup.nearest(value, known)}')
    keeps = self.dilation * (self.kernel // 2)
    if self.stride not in (1, 2):
      raise UserError(f'octave: stride is {self.stride}, 1 or 2 would be right')
    if self.kernel % 2 == 0 or self.padding not in (None, keeps):
      raise UserError(f'octave: kernel {self.kernel} with padding '
                      f'{self.padding} changes the size of a map; an odd kernel'
                      ' with padding None would be right')
    low = x.low.shape[-1] if isinstance(x, Octave) else 0
    if self.groups > 1 and not (
        self.groups == x.shape[-1] == self.features
        and low == self.low_features()):
      raise UserError(
          f'octave: {self.groups} groups from {x.shape[-1]} channels, {low} '
          f'low, to {self.features}, {self.low_features()} low; 1 group, or '
          'as many as channels, in and out alike, would be right')


class OctaveConvTranspose(_Layer):
  """Octave form of a transposed convolution that doubles a map: -> Octave, or
  [b, 2h, 2w, features] if no channel is low.

  As OctaveConv, with a transposed convolution in every path.

  Attributes, beside OctaveConv's:
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
  """The `conv` field of the layer that ends in a plain map.

  conv: any; those that make no octaves stay as they are.
  """
  return functools.partial(conv, last=True) if _makes_octaves(conv) else conv


def refuse(conv, model):
  """Refuses octave convolutions in a model that cannot pass them on.

  Raises:
    UserError: the field `conv` makes octaves.
  """
  if _makes_octaves(conv):
    raise UserError(f"{model}: it has no octave form; conv 'plain' or "
                    "'spectral', or the models dcgan, sngan or autogan would "
                    'be right')


def halving(conv):
  """The `conv` field of a layer that averages 2 x 2 pixels and convolves.

  conv: any; an octave convolution has its own way, `octave_stride`.
  """
  if _makes_octaves(conv):
    return functools.partial(conv, stride=2)
  return lambda *fields, **more: (
      lambda x: conv(*fields, **more)(downsample(x)))


def whole(x):
  """The one map: [b, h, w, c], low channels repeated, behind the high ones.

  A plain map stays as it is.
  """
  if not isinstance(x, Octave):
    return x
  if x.high is None:
    return upsample(x.low)
  return jnp.concatenate([x.high, _grow(x.low, x.high.shape[1:3])], -1)


def _makes_octaves(conv):
  factory = functools.partial(conv).func  # of a partial it takes the parts
  return isinstance(factory, type) and issubclass(factory, _Layer)


def _grow(x, size):
  """Repeats pixels twice, cut to (h, w), if x has not that size already."""
  if x.shape[1:3] == tuple(size):
    return x
  return upsample(x)[:, :size[0], :size[1]]


def _halve(x, odd='refuse'):
  """Averages 2 x 2 pixels; None stays None."""
  if x is None:
    return None
  rows, columns = x.shape[1] % 2, x.shape[2] % 2
  if rows or columns:
    if odd == 'refuse':
      raise UserError(f'octave: a map of {x.shape[1]} x {x.shape[2]} has no '
                      "half; even sizes, or odd='pad', would be right")
    x = jnp.pad(x, ((0, 0), (0, rows), (0, columns), (0, 0)), mode='edge')
  return downsample(x)
