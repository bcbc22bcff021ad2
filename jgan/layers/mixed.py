"""Edges of a searched network: one operation, or a weighted sum of several.

A conv of an edge sees the same activated map as its others, and is linear in
its kernel. So their weighted sum is one convolution per dilation, with the
weighted sum of their kernels: of 1x1, 3x3, 5x5 and dilated 3x3, 5x5 kernels
50 taps are left of 69, and two maps of five. On a CPU that takes .75 of the
time. The parameters are those of the separate layers, by operation.
"""
import functools
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jgan.errors import UserError
from jgan.layers import norm
from jgan.layers.conv import ConvTranspose, DepthwiseTranspose, convolve
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
# Kernel size of the separable ones.
SEPARABLE = {'sep_conv_3x3': 3, 'sep_conv_5x5': 5, 'sep_conv_7x7': 7}
# What has no parameters.
FREE = {'none': jnp.zeros_like, 'skip': lambda x: x, 'avg_pool': downsample,
        'max_pool': downsample_max}
RESIZES = {'nearest': upsample, 'bilinear': bilinear, 'bicubic': bicubic}


class Mixed(nn.Module):
  """sum_k weights_k op_k(x): [b, h, w, c] -> [b, h', w', features].

  An activation stands before every convolution.

  Attributes:
    ops: names in CONVS, SEPARABLE or FREE.
    features: channels of the output.
    conv: makes the convolutions; what makes no Conv can stand alone, but not
      in a sum.
    act: the activation.
    stride: of the convolutions, other than the separable ones.
    norm: makes the norms of the separable ones.
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
      kernel, shift = _weights(layer, x.shape[-1])
      kernels.setdefault(layer.dilation, []).append(weights[op] * kernel)
      bias += 0. if shift is None else weights[op] * shift
    h = self.act(x)
    for dilation, several in kernels.items():
      dtype = layer.dtype
      out += convolve(h.astype(dtype), _centred_sum(several).astype(dtype),
                      stride=self.stride, dilation=dilation)
    return out + jnp.asarray(bias, out.dtype)

  def _other(self, op, train):
    if op in FREE:
      return FREE[op]
    layer = SeparableConv(self.features, SEPARABLE[op], self.conv, self.norm,
                          self.act, name=op)
    return functools.partial(layer, train=train)


class SeparableConv(nn.Module):
  """Twice: activation, depthwise and 1x1 convolution, normalisation.

  [b, h, w, c] -> [b, h, w, features]; there are no biases before the norms.

  Attributes:
    features: channels of the output.
    kernel: size of the depthwise kernels.
    conv, norm, act: parts.
  """
  features: int
  kernel: int
  conv: Callable
  norm: Callable
  act: Callable

  @nn.compact
  def __call__(self, x, train):
    channels = x.shape[-1]
    for i, features in enumerate((channels, self.features)):
      x = self.conv(channels, kernel=self.kernel, groups=channels,
                    use_bias=False, name=f'depthwise_{i}')(self.act(x))
      x = self.conv(features, kernel=1, use_bias=False,
                    name=f'pointwise_{i}')(x)
      x = self.norm(name=f'norm_{i}')(x, train)
    return x


class MixedDouble(nn.Module):
  """sum_k weights_k op_k(x): [b, h, w, c] -> [b, 2^t h, 2^t w, features].

  'deconv' is a transposed 2x2 convolution, which starts as PyTorch draws it
  whatever the other layers do. 'nearest_conv' and 'bilinear_conv' convolve 1x1
  once, and then interpolate. Nothing is activated.

  Attributes:
    ops: names in RESIZES, the same with '_conv', or 'deconv'.
    features: channels of the output; interpolation alone keeps them.
    conv: makes the 1x1 convolutions.
    times: t, how often a map is doubled, always with the same weights.
  """
  ops: tuple[str, ...]
  features: int
  conv: Callable
  times: int = 1

  @nn.compact
  def __call__(self, x, weights=None):
    """weights: [len(ops)]; None for a single operation as it is."""
    ways = [self._way(op, x) for op in self.ops]
    if weights is None:
      return ways[0]
    return sum(weight.astype(way.dtype) * way
               for weight, way in zip(weights, ways))

  def _way(self, op, x):
    if op == 'deconv':
      double = ConvTranspose(self.features, 2, padding=0, dtype=x.dtype,
                             name=op)
    else:
      double = RESIZES[op.removesuffix('_conv')]
      if op.endswith('_conv'):
        x = self.conv(self.features, kernel=1, use_bias=False, name=op)(x)
    for _ in range(self.times):
      x = double(x)
    return x


class MixedUp(nn.Module):
  """sum_k weights_k op_k(x): [b, h, w, c] -> [b, 2h, 2w, features].

  An interpolation is followed by the activation and a 1x1 convolution;
  'conv_transpose' is the activation, a depthwise transposed convolution and
  a 1x1 one, without biases.

  Attributes:
    ops: names in RESIZES, or 'conv_transpose'.
    features, conv, act: as of Mixed.
  """
  ops: tuple[str, ...]
  features: int
  conv: Callable
  act: Callable

  @nn.compact
  def __call__(self, x, weights=None):
    """weights: [len(ops)]; None for a single operation as it is."""
    ways = [self._way(op, x) for op in self.ops]
    if weights is None:
      return ways[0]
    return sum(weight.astype(way.dtype) * way
               for weight, way in zip(weights, ways))

  def _way(self, op, x):
    if op in RESIZES:
      h = self.act(RESIZES[op](x))
    else:
      h = DepthwiseTranspose(dtype=x.dtype, name='depthwise')(self.act(x))
    return self.conv(self.features, kernel=1, use_bias=op in RESIZES,
                     name=op)(h)


def edge_weights(model, cells):
  """Per cell {edge: weights of its operations}, of a super-network.

  To be called inside `model`, a module with a field `relax`: its logits are
  the collection 'arch', by part and drawn from N(0, 1e-3^2), the temperature
  of their relaxation is 'temperature' in 'schedule'.

  Args:
    model: the module.
    cells: {name: jgan.genotype.Edge} each.
  """
  temperature = model.variable('schedule', 'temperature', jnp.ones, ()).value
  every = [edge for edges in cells for edge in edges.values()]
  weights = {}
  for part in dict.fromkeys(edge.part for edge in every):
    rows, ops = zip(*((edge.row, len(edge.ops)) for edge in every
                      if edge.part == part))
    logits = model.variable(
        'arch', part, lambda *shape: 1e-3 * jax.random.normal(
            model.make_rng('params'), shape), *np.max(rows, 0) + 1, max(ops))
    noise = model.make_rng('noise') if model.has_rng('noise') else None
    weights[part] = model.relax(logits.value, noise, temperature)
  # An edge may have fewer operations than its part of the logits.
  return [{name: weights[edge.part][edge.row][:len(edge.ops)]
           for name, edge in edges.items()} for edges in cells]


def _weights(layer, channels):
  """The kernel and bias of one convolution of a sum."""
  if not hasattr(layer, 'weights'):
    raise UserError(f'a super-network sums kernels, and {type(layer).__name__}'
                    " has not one: its conv must be 'plain' or 'spectral'")
  return layer.weights(channels)


def _centred_sum(kernels):
  """Sums kernels [k, k, c, d] of odd sizes k about their centres."""
  size = max(kernel.shape[0] for kernel in kernels)
  ring = lambda kernel: (size - kernel.shape[0]) // 2
  return sum(jnp.pad(kernel, [(ring(kernel),) * 2] * 2 + [(0, 0)] * 2)
             for kernel in kernels)
