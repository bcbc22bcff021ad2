"""Initialisation schemes, with PyTorch's fans and bounds.

A scheme maps a gain, which depends on the place of a layer (sqrt 2 before a
ReLU, 1 elsewhere), to an Init, which layers have as their field `initializer`.
(`init` is a method of every linen module.)
"""
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.nn import initializers

__all__ = ['kaiming', 'normal', 'torch_default', 'xavier', 'xavier_kernel']


class Init(NamedTuple):
  """The initializers of a layer's parameters.

  Attributes:
    kernel: (rng, shape [..., in, out], dtype) -> array.
    bias: fan_in -> an initializer like `kernel`.
    scale: initializer of the scale of a normalisation layer.
  """
  kernel: Callable
  bias: Callable
  scale: Callable = initializers.ones


def torch_default(gain=1.):
  """torch.nn's default: U(-1, 1) / sqrt(fan_in), for kernels and biases."""
  del gain
  return Init(initializers.variance_scaling(1 / 3, 'fan_in', 'uniform'),
              lambda fan_in: _uniform(1 / math.sqrt(fan_in)))


def xavier(gain=1.):
  """Glorot & Bengio (2010): U(-b, b), b = gain sqrt(6 / (fan_in + fan_out)).

  Biases are zero.
  """
  return Init(initializers.variance_scaling(gain**2, 'fan_avg', 'uniform'),
              lambda fan_in: initializers.zeros)


def xavier_kernel(gain=1.):
  """AutoGAN and AdversarialNAS: Xavier kernels with a gain of 1 everywhere,
  torch's default biases, scales N(1, .02^2).
  """
  return xavier()._replace(bias=torch_default(gain).bias,
                           scale=normal(gain).scale)


def kaiming(gain=1.):
  """He et al. (2015): N(0, gain^2 / fan_in), biases 0; a gain of 0 is zeros."""
  return Init(initializers.variance_scaling(gain**2, 'fan_in', 'normal'),
              lambda fan_in: initializers.zeros)


def normal(gain=1., std=.02):
  """DCGAN (Radford et al., 2016): N(0, std^2), scales N(1, std^2), biases 0."""
  del gain
  return Init(initializers.normal(std), lambda fan_in: initializers.zeros,
              lambda *args: 1 + initializers.normal(std)(*args))


def _uniform(bound):
  """Initializer of U(-bound, bound)."""
  return lambda rng, shape, dtype=jnp.float32: jax.random.uniform(
      rng, shape, dtype, -bound, bound)
