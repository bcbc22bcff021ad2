"""Fully-connected layers with PyTorch's initialisation."""
import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp

from jgan.layers.initializer import Init, torch_default
from jgan.layers.spectral_norm import SpectralNorm

__all__ = ['plain', 'spectral']


class Dense(nn.Module):
  """Affine map: [..., c] -> [..., features].

  Attributes:
    features: channels of the output.
    use_bias: add 'bias' [features].
    initializer: Init.
    weight: a module applied to 'kernel' [c, features], or None.
    dtype: of the computation and the output.
  """
  features: int
  use_bias: bool = True
  initializer: Init = torch_default()
  weight: Callable | None = None
  dtype: Any = jnp.float32

  @nn.compact
  def __call__(self, x):
    fan_in = x.shape[-1]
    kernel = self.param('kernel', self.initializer.kernel,
                        (fan_in, self.features))
    if self.weight:
      kernel = self.weight()(kernel)
    x = x.astype(self.dtype) @ kernel.astype(self.dtype)
    if self.use_bias:
      x += self.param('bias', self.initializer.bias(fan_in),
                      (self.features,)).astype(self.dtype)
    return x


plain = Dense
spectral = functools.partial(Dense, weight=SpectralNorm)
