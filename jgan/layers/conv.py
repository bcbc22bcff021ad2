"""Convolutions in NHWC with PyTorch's padding and initialisation."""
import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jgan.layers.initializer import Init, torch_default
from jgan.layers.spectral_norm import SpectralNorm

__all__ = ['plain', 'spectral']


class Conv(nn.Module):
  """2-D convolution: [b, h, w, c] -> [b, h', w', features].

  Attributes:
    features: channels of the output.
    kernel: height and width of the kernel, which is kept as 'kernel'
      [k, k, c / groups, features] in float32.
    stride: step between outputs.
    padding: zeros on every side; None keeps the size of an odd kernel.
    dilation: step between the kernel's taps.
    groups: the channels are convolved in so many separate groups.
    use_bias: add 'bias' [features].
    initializer: Init.
    weight: a module applied to the kernel before it is used, or None.
    dtype: of the computation and the output.
  """
  features: int
  kernel: int = 3
  stride: int = 1
  padding: int | None = None
  dilation: int = 1
  groups: int = 1
  use_bias: bool = True
  initializer: Init = torch_default()
  weight: Callable | None = None
  dtype: Any = jnp.float32

  @nn.compact
  def __call__(self, x):
    k = self.kernel
    pad = self.dilation * (k // 2) if self.padding is None else self.padding
    fan_in = k * k * x.shape[-1] // self.groups
    kernel = self.param('kernel', self.initializer.kernel,
                        (k, k, x.shape[-1] // self.groups, self.features))
    if self.weight:
      kernel = self.weight()(kernel)
    x = jax.lax.conv_general_dilated(
        x.astype(self.dtype), kernel.astype(self.dtype),
        (self.stride,) * 2, [(pad, pad)] * 2,
        rhs_dilation=(self.dilation,) * 2, feature_group_count=self.groups,
        dimension_numbers=('NHWC', 'HWIO', 'NHWC'))
    return _add_bias(self, x, fan_in)


class ConvTranspose(nn.Module):
  """Transposed 2-D convolution: h -> (h - 1) stride - 2 padding + kernel.

  Attributes as in Conv. The kernel [k, k, c, features] has PyTorch's
  orientation: input pixel i adds kernel[j] to output i stride - padding + j.
  PyTorch takes its fans from the convolution that this one is the transpose
  of, so here fan_in = features k^2.
  """
  features: int
  kernel: int = 4
  stride: int = 2
  padding: int = 1
  use_bias: bool = True
  initializer: Init = torch_default()
  weight: Callable | None = None
  dtype: Any = jnp.float32

  @nn.compact
  def __call__(self, x):
    k = self.kernel
    pad = k - 1 - self.padding

    def start(rng, shape):
      return self.initializer.kernel(
          rng, (k, k, *shape[:1:-1]), jnp.float32).swapaxes(2, 3)

    kernel = self.param('kernel', start, (k, k, x.shape[-1], self.features))
    if self.weight:
      kernel = self.weight()(kernel)
    x = jax.lax.conv_general_dilated(
        x.astype(self.dtype), kernel[::-1, ::-1].astype(self.dtype),
        (1, 1), [(pad, pad)] * 2, lhs_dilation=(self.stride,) * 2,
        dimension_numbers=('NHWC', 'HWIO', 'NHWC'))
    return _add_bias(self, x, k * k * self.features)


def _add_bias(layer, x, fan_in):
  """Adds the layer's bias if it has one."""
  if not layer.use_bias:
    return x
  bias = layer.param('bias', layer.initializer.bias(fan_in), x.shape[-1:])
  return x + bias.astype(x.dtype)


plain = Conv
spectral = functools.partial(Conv, weight=SpectralNorm)
