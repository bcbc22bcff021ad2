"""Edges of a searched network: one operation, or a weighted sum of several.

What an edge can do is in the tables here, or is a file of jgan/operations
(see Operation).

A conv of an edge sees the same activated map as its others, and is linear in
its kernel. So their weighted sum is one convolution per dilation, with the
weighted sum of their kernels: of 1x1, 3x3, 5x5 and dilated 3x3, 5x5 kernels
50 taps are left of 69, and two maps of five. On a CPU that takes .75 of the
time. The parameters are those of the separate layers, by operation.
"""
import functools
import inspect
from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp

from jgan import lookup
from jgan.layers import act, norm
from jgan.layers.conv import ConvTranspose, DepthwiseTranspose, convolve
from jgan.layers.kernel_bank import centred_sum, require_kernel
from jgan.layers.resize import (
    bicubic,
    bilinear,
    downsample,
    downsample_max,
    upsample,
)

# Kernel size and dilation of the convolutions.
CONVS = {'conv_1x1': (1, 1), 'conv_3x3': (3, 1), 'conv_5x5': (5, 1),
         'dil_conv_3x3': (3, 2), 'dil_conv_5x5': (5, 2)}
# What has no parameters.
FREE = {'none': jnp.zeros_like, 'skip': lambda x: x, 'avg_pool': downsample,
        'max_pool': downsample_max}
RESIZES = {'nearest': upsample, 'bilinear': bilinear, 'bicubic': bicubic}


class Operation(nn.Module):
  """An operation of jgan/operations: [b, h, w, c] -> [b, h', w', features].

  Its file, named as the operation in genotypes, has

    PLACES: on which edges it may stand, a tuple of what it can do to the size
      of a map: 'keeps', 'halves', 'doubles'.
    apply(x, features, *, ...): makes its layers, which stand under its name,
      and applies them. It declares those of the following keywords that it
      needs:
        conv, norm, act: parts, as blocks take them; each conv and norm needs a
          name. Activate before a convolution, not after it: other operations
          of the edge do.
        stride: 2 on an edge that halves the map, else 1.
        train: for norms.

  Attributes:
    op: the name.
    features: channels of the output.
    conv, norm, act, stride: as above.
  """
  op: str
  features: int
  conv: Callable
  norm: Callable
  act: Callable
  stride: int = 1

  @nn.compact
  def __call__(self, x, train):
    apply = lookup.find('operations', self.op).apply
    offered = {'conv': self.conv, 'norm': self.norm, 'act': self.act,
               'stride': self.stride, 'train': train}
    declared = inspect.signature(apply).parameters
    return apply(x, self.features, **{
        name: part for name, part in offered.items() if name in declared})


class Mixed(nn.Module):
  """sum_k weights_k op_k(x): [b, h, w, c] -> [b, h', w', features].

  An activation stands before every convolution.

  Attributes:
    ops: names in CONVS or FREE, or of jgan/operations.
    features: channels of the output.
    conv: makes the convolutions; what makes no Conv can stand alone, but not
      in a sum.
    act: the activation.
    stride: of the convolutions.
    norm: makes the norms of jgan/operations.
  """
  ops: tuple[str, ...]
  features: int
  conv: Callable
  act: Callable
  stride: int = 1
  norm: Callable = norm.none

  @nn.compact
  def __call__(self, x, weights=None, train=False):
    """weights: [len(ops)]; None for a single operation as it is."""
    layers = {op: self.conv(self.features, kernel=CONVS[op][0],
                            dilation=CONVS[op][1], stride=self.stride, name=op)
              for op in self.ops if op in CONVS}
    others = {op: self._other(op, train) for op in self.ops if op not in CONVS}
    if weights is None:
      op, = self.ops
      return layers[op](self.act(x)) if layers else others[op](x)
    weights = dict(zip(self.ops, weights))
    out = sum(weights[op].astype(x.dtype) * other(x)
              for op, other in others.items())
    kernels, bias = {}, 0.
    for op, layer in layers.items():
      require_kernel(layer)
      kernel, shift = layer.weights(x.shape[-1])
      kernels.setdefault(layer.dilation, []).append(weights[op] * kernel)
      bias += 0. if shift is None else weights[op] * shift
    h = self.act(x)
    for dilation, several in kernels.items():
      dtype = layer.dtype
      out += convolve(h.astype(dtype), centred_sum(several).astype(dtype),
                      stride=self.stride, dilation=dilation, brief=True)
    return out + jnp.asarray(bias, out.dtype)

  def _other(self, op, train):
    if op in FREE:
      return FREE[op]
    layer = Operation(op, self.features, self.conv, self.norm, self.act,
                      self.stride, name=op)
    return functools.partial(layer, train=train)


class MixedDouble(nn.Module):
  """sum_k weights_k op_k(x): [b, h, w, c] -> [b, 2^t h, 2^t w, features].

  'deconv' is a transposed 2x2 convolution, which starts as PyTorch draws it
  whatever the other layers do. 'nearest_conv' and 'bilinear_conv' convolve 1x1
  once, and then interpolate. Nothing is activated.

  Attributes:
    ops: names in RESIZES, the same with '_conv', 'deconv', or of
      jgan/operations.
    features: channels of the output; interpolation alone keeps them.
    conv: makes the 1x1 convolutions.
    times: t, how often a map is doubled, always with the same weights.
    norm, act: parts for jgan/operations.
  """
  ops: tuple[str, ...]
  features: int
  conv: Callable
  times: int = 1
  norm: Callable = norm.none
  act: Callable = act.relu

  @nn.compact
  def __call__(self, x, weights=None, train=False):
    """weights: [len(ops)]; None for a single operation as it is."""
    return _weighted([self._way(op, x, train) for op in self.ops], weights)

  def _way(self, op, x, train):
    plain = op.removesuffix('_conv')
    if plain in RESIZES:
      double = RESIZES[plain]
      if op != plain:
        x = self.conv(self.features, kernel=1, use_bias=False, name=op)(x)
    elif op == 'deconv':
      double = ConvTranspose(self.features, 2, padding=0, dtype=x.dtype,
                             name=op)
    else:
      double = functools.partial(
          Operation(op, self.features, self.conv, self.norm, self.act, name=op),
          train=train)
    for _ in range(self.times):
      x = double(x)
    return x


class MixedUp(nn.Module):
  """sum_k weights_k op_k(x): [b, h, w, c] -> [b, 2h, 2w, features].

  An interpolation is followed by the activation and a 1x1 convolution;
  'conv_transpose' is the activation, a depthwise transposed convolution and
  a 1x1 one, without biases.

  Attributes:
    ops: names in RESIZES, 'conv_transpose', or of jgan/operations.
    features, conv, act, norm: as of Mixed.
  """
  ops: tuple[str, ...]
  features: int
  conv: Callable
  act: Callable
  norm: Callable = norm.none

  @nn.compact
  def __call__(self, x, weights=None, train=False):
    """weights: [len(ops)]; None for a single operation as it is."""
    return _weighted([self._way(op, x, train) for op in self.ops], weights)

  def _way(self, op, x, train):
    if op in RESIZES:
      h = self.act(RESIZES[op](x))
    elif op == 'conv_transpose':
      h = DepthwiseTranspose(dtype=x.dtype, name='depthwise')(self.act(x))
    else:
      return Operation(op, self.features, self.conv, self.norm, self.act,
                       name=op)(x, train)
    return self.conv(self.features, kernel=1, use_bias=op in RESIZES,
                     name=op)(h)


def _weighted(ways, weights):
  """The sum of several ways, or the only one as it is."""
  if weights is None:
    return ways[0]
  return sum(weight.astype(way.dtype) * way
             for weight, way in zip(weights, ways))
