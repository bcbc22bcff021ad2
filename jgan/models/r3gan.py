"""R3GAN (Huang et al., 2024): residual networks of grouped convolutions.

No normalisation, no styles, no attention: convolutions, and a leaky ReLU
before and after each grouped one. The last convolution of a residual block is
zero at first, and the others shrink with the number of blocks (Zhang et al.,
2019, "Fixup"), so that a network of any depth starts to train. Maps are doubled
and halved by a binomial filter (ops/upfirdn.py). Only the convolutions before
an activation have biases.

With an octave convolution the maps between the convolutions of a block are
octaves, and those between blocks are plain.
"""
import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jgan.errors import UserError
from jgan.layers import act, classes, conv, dense, initializer, octave, output
from jgan.layers.resize import doublings
from jgan.ops.upfirdn import double, halve

SIZES = tuple(2**i for i in range(3, 11))
_GAIN = math.sqrt(2 / (1 + .2**2))  # before a leaky ReLU with a slope of .2


class Block(nn.Module):
  """x + W_3 a(W_2 a(W_1 x)): [b, h, w, c] -> [b, h, w, c].

  W_1 and W_3 are 1 x 1, W_2 is 3 x 3 in groups.

  Attributes:
    expansion: channels between the convolutions, as a multiple of c.
    group: how many of these are a group of W_2, whose number of groups is
      rounded down, to at least one.
    gain: of the first two kernels.
  """
  expansion: int
  group: int
  gain: float
  conv: Callable
  act: Callable
  initializer: Callable

  @nn.compact
  def __call__(self, x):
    c = x.shape[-1]
    inside = self.expansion * c
    conv = functools.partial(self.conv, inside, name='conv_0', kernel=1,
                             initializer=self.initializer(self.gain))
    h = self.act(conv()(x))
    h = self.act(conv(name='conv_1', kernel=3,
                      groups=max(inside // self.group, 1))(h))
    return x + octave.last(self.conv)(
        c, kernel=1, use_bias=False, name='conv_2',
        initializer=self.initializer(0.))(h)


class Basis(nn.Module):
  """The first map, a learned one that v scales by channel: [b, d] -> [b, 4, 4,
  features].
  """
  features: int
  dense: Callable
  initializer: Callable

  @nn.compact
  def __call__(self, v):
    basis = self.param('basis', nn.initializers.normal(1.),
                       (4, 4, self.features))
    scale = self.dense(self.features, use_bias=False, name='linear',
                       initializer=self.initializer())(v)
    return basis * scale[:, None, None]


class Head(nn.Module):
  """A weighted sum over the last map, and a dense layer: [b, 4, 4, c] -> [b,
  features], float32.
  """
  features: int
  dense: Callable
  initializer: Callable

  @nn.compact
  def __call__(self, x):
    c = x.shape[-1]
    kernel = self.param('kernel', self.initializer().kernel, (4, 4, 1, c))
    x = jnp.einsum('bhwc,hwc->bc', x.astype(kernel.dtype), kernel[:, :, 0],
                   precision='highest')
    return self.dense(self.features, use_bias=False, name='linear',
                      initializer=self.initializer())(x)


class Generator(nn.Module):
  """z [b, latent] -> images [b, size, size, colors] about in [-1, 1].

  Nothing bounds the images, as published: D does.

  Attributes:
    width: channels at full size, which double with every halving of the map up
      to `most`; 0: those of the paper for 32, 64 and 256 pixels, 768 up to a
      map of 32.
    most: channels at most.
    widths: channels of each stage from 4 x 4 on, instead of those; (): those.
    blocks: residual blocks of each stage; (): two each.
    expansion, group: as in Block.
    exact: stages from 4 x 4 on that are computed in float32 whatever `dtype`.
    classes: number of classes, of which `labels` gives one to each image; 0:
      the images have none.
    embedding: size of the embedding of a class.
  """
  size: int
  colors: int
  latent: int = 64
  width: int = 0
  most: int = 768
  widths: tuple = ()
  blocks: tuple = ()
  expansion: int = 2
  group: int = 16
  exact: int = dataclasses.field(default=1, metadata={'least': 0})
  classes: int = 0
  embedding: int = 64
  conv: Callable = conv.plain
  dense: Callable = dense.plain
  act: Callable = act.leaky_relu
  initializer: Callable = initializer.kaiming
  dtype: Any = jnp.float32
  axis_name: str | None = None

  @nn.compact
  def __call__(self, z, train, labels=None):
    """labels: int [b] in [0, classes), if there are classes."""
    del train
    widths, blocks = _stages(self)
    dtypes = _dtypes(self, len(widths))
    start = self.initializer()
    if classes.given(self, labels):
      shown = classes.embed(labels, self.classes, self.embedding, _dense(self),
                            start)
      z = jnp.concatenate([z, shown], 1)
    x = Basis(widths[0], _dense(self), self.initializer, name='basis')(z)
    for i, (width, count, dtype) in enumerate(zip(widths, blocks, dtypes)):
      x = x.astype(dtype)
      if width != x.shape[-1]:
        x = _plain(self, dtype)(width, kernel=1, use_bias=False,
                                initializer=start, name=f'widen_{i}')(x)
      x = double(x) if i else x
      x = _stage(self, i, count, blocks, dtype)(x)
      self.sow('features', 'blocks', x)
    x = _plain(self, dtypes[-1])(self.colors, kernel=1, use_bias=False,
                                 initializer=start, name='to_rgb')(x)
    return x.astype(_full(self))


class Discriminator(nn.Module):
  """[b, size, size, colors] -> logits [b], or [b, outputs] if outputs > 1.

  With classes the logit is the product of the features with the embedding of
  the image's class.

  Attributes are those of the generator, whose stages it has in reverse.
  """
  size: int
  colors: int
  outputs: int = 1
  width: int = 0
  most: int = 768
  widths: tuple = ()
  blocks: tuple = ()
  expansion: int = 2
  group: int = 16
  exact: int = dataclasses.field(default=1, metadata={'least': 0})
  classes: int = 0
  conv: Callable = conv.plain
  dense: Callable = dense.plain
  act: Callable = act.leaky_relu
  initializer: Callable = initializer.kaiming
  dtype: Any = jnp.float32
  axis_name: str | None = None

  @nn.compact
  def __call__(self, x, train, labels=None):
    """labels: int [b] in [0, classes), if there are classes."""
    del train
    widths, blocks = _stages(self)
    dtypes = _dtypes(self, len(widths))
    start = self.initializer()
    conditional = classes.given(self, labels)
    x = _plain(self, dtypes[-1])(widths[-1], kernel=1, use_bias=False,
                                 initializer=start, name='from_rgb')(x)
    for i in reversed(range(len(widths))):
      x = _stage(self, i, blocks[i], blocks, dtypes[i])(x.astype(dtypes[i]))
      self.sow('features', 'blocks', x)
      if i:
        x = halve(x)
      if i and widths[i - 1] != widths[i]:
        x = _plain(self, dtypes[i])(widths[i - 1], kernel=1, use_bias=False,
                                    initializer=start, name=f'widen_{i}')(x)
    head = functools.partial(Head, dense=_dense(self),
                             initializer=self.initializer, name='head')
    if not conditional:
      return output.logits(head(self.outputs)(x))
    features = widths[0]
    shown = classes.embed(labels, self.classes, features, _dense(self),
                          self.initializer(1 / math.sqrt(features)))
    return jnp.sum(head(features)(x) * shown, 1)


def _stages(model):
  """Channels, and numbers of residual blocks, of all stages from 4 x 4 on.

  Raises:
    UserError: the size is not supported, or a tuple has another length.
  """
  count = doublings(model.size, SIZES) + 1
  last = model.width or min(model.most, 32 * 768 // model.size)
  widths = model.widths or tuple(
      min(model.most, last * 2**i) for i in reversed(range(count)))
  blocks = model.blocks or (2,) * count
  for name, entries in (('widths', widths), ('blocks', blocks)):
    if len(entries) != count or min(entries) < 1:
      raise UserError(f'r3gan: {name} is {tuple(entries)}, and {model.size} '
                      f'pixels have {count} stages: as many numbers of at '
                      'least 1 would be right')
  return widths, blocks


def _dtypes(model, stages):
  """The type that each stage computes in, from 4 x 4 on."""
  return [_full(model) if i < model.exact else model.dtype
          for i in range(stages)]


def _full(model):
  """float32, or the model's type if that has more digits."""
  return jnp.promote_types(model.dtype, jnp.float32)


def _dense(model):
  """Factory of dense layers, none of which is worth fewer digits."""
  return functools.partial(model.dense, dtype=_full(model))


def _stage(model, i, count, blocks, dtype):
  """The residual blocks of stage i, as one function."""
  gain = _GAIN * sum(blocks)**-.25
  conv = functools.partial(model.conv, dtype=dtype)
  parts = [Block(model.expansion, model.group, gain, conv, model.act,
                 model.initializer, name=f'block_{i}_{j}')
           for j in range(count)]
  return lambda x: functools.reduce(lambda h, block: block(h), parts, x)


def _plain(model, dtype):
  """Factory of a convolution between plain maps."""
  return functools.partial(octave.last(model.conv), dtype=dtype)
