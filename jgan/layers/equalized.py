"""Equalised learning rate (Karras et al., 2018).

Weights are initialised from N(0, 1) and multiplied by He's constant
1 / sqrt(fan_in) at every use, so that a step of Adam changes the weights of
all layers by the same relative amount.
"""
import functools
import math
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jgan.errors import UserError
from jgan.layers.act import leaky_relu
from jgan.layers.conv import Conv
from jgan.layers.initializer import Init


class Equalized(nn.Module):
  """Multiplies a kernel [..., in, out] by rate / sqrt(fan).

  fan_out: the fan is that of the output, k^2 out, not k^2 in: PyTorch's fan_in
    of a transposed convolution.
  """
  rate: float = 1.
  fan_out: bool = False

  def __call__(self, kernel):
    *taps, channels, features = kernel.shape
    fan = math.prod(taps) * (features if self.fan_out else channels)
    return kernel * (self.rate / math.sqrt(fan))


UNIT = Init(nn.initializers.normal(1.), lambda fan_in: nn.initializers.zeros)

EqualizedConv = functools.partial(Conv, weight=Equalized, initializer=UNIT)
"""A Conv with an equalised learning rate; its bias starts at 0."""


class EqualizedDense(nn.Module):
  """Affine map with an equalised learning rate: [..., c] -> [..., features].

  Attributes:
    features: channels of the output.
    rate: learning rate relative to other layers: the parameters are stored
      divided by it, and multiplied by it when used.
    start: initial value of the parameter 'bias' [features].
    dtype: of the computation and the output.
  """
  features: int
  rate: float = 1.
  start: float = 0.
  dtype: Any = jnp.float32

  @nn.compact
  def __call__(self, x):
    if self.rate <= 0:
      raise UserError(f'an equalised layer has the rate {self.rate}: one above '
                      '0 would be right')
    kernel = self.param('kernel', nn.initializers.normal(1. / self.rate),
                        (x.shape[-1], self.features))
    bias = self.param('bias', nn.initializers.constant(self.start),
                      (self.features,))
    kernel = Equalized(self.rate)(kernel)
    x = x.astype(self.dtype) @ kernel.astype(self.dtype)
    return x + (self.rate * bias).astype(self.dtype)


def scaled_leaky_relu(x):
  """sqrt(2) leaky_relu(x, .2), which about preserves the variance of N(0, 1).
  """
  return math.sqrt(2) * leaky_relu(x)
