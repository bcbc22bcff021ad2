"""Convolutions in NHWC layout with PyTorch's padding and initialisation."""
import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jgan.errors import UserError
from jgan.layers.initializer import Init, torch_default
from jgan.layers.octave import OctaveConv
from jgan.layers.spectral_norm import SpectralNorm
from jgan.ops import conv, depthwise

__all__ = ['octave', 'octave_spectral', 'plain', 'spectral']


class Conv(nn.Module):
  """2-D convolution: [b, h, w, c] -> [b, h', w', features].

  Attributes:
    features: channels of the output.
    kernel: height and width of the kernel, the float32 parameter 'kernel'
      [k, k, c / groups, features].
    stride: step between outputs.
    padding: zeros on every side; None is 'same' padding for an odd kernel.
    dilation: step between the kernel's taps.
    groups: number of channel groups that are convolved separately.
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

  def __call__(self, x):
    kernel, bias = self.weights(x.shape[-1])
    x = convolve(x.astype(self.dtype), kernel.astype(self.dtype),
                 stride=self.stride, padding=self.padding,
                 dilation=self.dilation, groups=self.groups)
    return x if bias is None else x + bias.astype(x.dtype)

  @nn.compact
  def weights(self, channels):
    """The effective kernel for this number of input channels, and the bias.

    With these a layer that sums several convolutions of the same input can
    merge them into one (layers/mixed.py). Without a bias it is None.
    """
    if channels % self.groups or self.features % self.groups:
      raise UserError(f'a convolution of {channels} channels to '
                      f'{self.features} has {self.groups} groups: a number '
                      'that divides both would be right')
    if self.padding is None and not self.kernel % 2:
      raise UserError(f'a convolution with a kernel of {self.kernel} and no '
                      'padding of its own: an odd kernel would be right')
    k = self.kernel
    channels //= self.groups
    kernel = self.param('kernel', self.initializer.kernel,
                        (k, k, channels, self.features))
    if self.weight:
      kernel = self.weight()(kernel)
    return kernel, _bias(self, k * k * channels)


class ConvTranspose(nn.Module):
  """Transposed 2-D convolution: h -> (h - 1) stride - 2 padding + kernel.

  Attributes as in Conv. The kernel [k, k, c, features] has PyTorch's
  orientation: input pixel i adds kernel[j] to output i stride - padding + j.
  As in PyTorch, the fans for the initialisation are those of the convolution
  that this one transposes, so fan_in = features k^2.
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

    def init(rng, shape):
      return self.initializer.kernel(
          rng, (k, k, *shape[:1:-1]), jnp.float32).swapaxes(2, 3)

    kernel = self.param('kernel', init, (k, k, x.shape[-1], self.features))
    if self.weight:
      kernel = self.weight()(kernel)
    x, kernel = x.astype(self.dtype), kernel.astype(self.dtype)
    if self.stride == k and not self.padding:
      x = _scatter(x, kernel)
    else:
      size = tuple((n - 1) * self.stride - 2 * self.padding + k
                   for n in x.shape[1:3])
      x = conv.transpose(x, kernel.swapaxes(2, 3),
                         _window(self.stride, self.padding), size)
    bias = _bias(self, k * k * self.features)
    return x if bias is None else x + bias.astype(x.dtype)


class DepthwiseTranspose(nn.Module):
  """Depthwise transposed 3x3 convolution that doubles a feature map:
  [b, h, w, c] -> [b, 2h, 2w, c], without bias.

  In PyTorch: stride 2, padding 1, output_padding 1, groups c. The outputs at
  even and odd rows and columns are computed separately, on a CPU hundreds of
  times faster than by XLA's convolution.

  Attributes as in Conv; the kernel is [3, 3, 1, c].
  """
  initializer: Init = torch_default()
  dtype: Any = jnp.float32

  @nn.compact
  def __call__(self, x):
    b, h, w, c = x.shape
    k = self.param('kernel', self.initializer.kernel, (3, 3, 1, c))
    k = k[:, :, 0].astype(self.dtype)
    x = jnp.pad(x.astype(self.dtype), ((0, 0), (0, 1), (0, 1), (0, 0)))
    here, right = x[:, :-1, :-1], x[:, :-1, 1:]
    below, across = x[:, 1:, :-1], x[:, 1:, 1:]
    even = here * k[1, 1], here * k[1, 2] + right * k[1, 0]
    odd = (here * k[2, 1] + below * k[0, 1],
           here * k[2, 2] + right * k[2, 0] + below * k[0, 2]
           + across * k[0, 0])
    rows = [jnp.stack(columns, 3) for columns in (even, odd)]
    return jnp.stack(rows, 2).reshape(b, 2 * h, 2 * w, c)


def convolve(x, kernel, *, stride=1, padding=None, dilation=1, groups=1,
             brief=False):
  """Convolves [b, h, w, c] with [k, k, c / groups, d]; arguments as in Conv.

  brief: as in ops.conv.Window, of programs with hundreds of convolutions.
  """
  k, channels = kernel.shape[0], x.shape[-1]
  same = dilation * (k // 2)
  padding = same if padding is None else padding
  keeps_size = stride == dilation == 1 and padding == same and k % 2
  if keeps_size and groups == channels == kernel.shape[3]:
    return depthwise.convolve(x, kernel)
  if keeps_size and k == groups == 1:
    # The gradient of a matrix product is 4 times faster on a CPU.
    return (x.reshape(-1, channels) @ kernel[0, 0]).reshape(*x.shape[:3], -1)
  window = _window(stride, padding, dilation, groups)
  return conv.convolve(x, kernel, window._replace(brief=brief))


def _window(stride, padding, dilation=1, groups=1):
  """A Window with the same along both axes."""
  return conv.Window((stride,) * 2, ((padding,) * 2,) * 2, (dilation,) * 2,
                     groups)


def _scatter(x, kernel):
  """Transposed convolution whose stride equals the kernel size.

  Its outputs do not overlap, so it is one matrix product. On a CPU the
  gradient is 15 times faster than that of XLA's dilated convolution.
  """
  b, h, w, _ = x.shape
  k, _, _, d = kernel.shape
  x = jnp.tensordot(x, kernel, (3, 2))  # [b, h, w, k, k, d]
  return x.transpose(0, 1, 3, 2, 4, 5).reshape(b, k * h, k * w, d)


def _bias(layer, fan_in):
  """The layer's bias, or None."""
  if not layer.use_bias:
    return None
  return layer.param('bias', layer.initializer.bias(fan_in), (layer.features,))


plain = Conv
spectral = functools.partial(Conv, weight=SpectralNorm)
octave = functools.partial(OctaveConv, plain)
octave_spectral = functools.partial(OctaveConv, spectral)
