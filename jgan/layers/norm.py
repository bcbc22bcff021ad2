"""Normalisations behind one call: norm(...)(x, train).

x is [b, h, w, c] or [b, c]. Statistics are float32 whatever the input. The two
maps of an octave (jgan/ops/octave.py) are normalised each by itself, with
scales and statistics of its own.
"""
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jgan.errors import UserError
from jgan.layers.initializer import Init, torch_default
from jgan.ops import collectives
from jgan.ops.octave import Octave

__all__ = ['batch', 'instance', 'layer', 'none']


class Norm(nn.Module):
  """What every normalisation accepts, so that a block may be given any.

  One is a `normalise(x, train)` for arrays.

  Attributes:
    eps: added to the variance.
    affine: learn a 'scale' and a 'bias' [c].
    initializer: Init; its `scale` is used.
    dtype: of the output.
    axis_name: the device axis over which a batch is spread.
  """
  eps: float = 1e-5
  affine: bool = True
  initializer: Init = torch_default()
  dtype: Any = jnp.float32
  axis_name: str | None = None

  @nn.compact
  def __call__(self, x, train):
    if not isinstance(x, Octave):
      return self.normalise(x, train)
    part = lambda name, x: (
        None if x is None else self.copy(name=name)(x, train))
    return Octave(part('high', x.high), part('low', x.low))


class BatchNorm(Norm):
  """Batch normalisation (Ioffe & Szegedy, 2015), exactly as in PyTorch.

  Training normalises by the biased variance of the global batch and moves
  the running statistics by `momentum` towards its mean and its UNBIASED
  variance, which flax's own layer does not. They move only where
  'batch_stats' is mutable.
  """
  momentum: float = .1

  def normalise(self, x, train):
    features = x.shape[-1:]
    mean = self.variable('batch_stats', 'mean', jnp.zeros, features)
    var = self.variable('batch_stats', 'var', jnp.ones, features)
    if not train:
      return _standardise(self, x, mean.value, var.value)
    # Outside the parallel step, where weights are made, no axis is bound.
    axis_name = None if self.is_initializing() else self.axis_name
    m, v, count = _moments(x, range(x.ndim - 1), axis_name)
    if self.is_mutable_collection('batch_stats') and not self.is_initializing():
      unbiased = v * (count / max(count - 1, 1))
      mean.value += self.momentum * (m - mean.value)
      var.value += self.momentum * (unbiased - var.value)
    return _standardise(self, x, m, v)


class LayerNorm(Norm):
  """Layer normalisation over (h, w, c), with one scale per channel."""

  def normalise(self, x, train):
    del train
    mean, var, _ = _moments(x, range(1, x.ndim), keepdims=True)
    return _standardise(self, x, mean, var)


class InstanceNorm(Norm):
  """Instance normalisation (Ulyanov et al., 2016): over (h, w)."""

  def normalise(self, x, train):
    del train
    if x.ndim != 4:
      raise UserError(f'instance normalisation of {x.ndim} axes: it needs '
                      '[b, h, w, c]; use batch or layer')
    mean, var, _ = _moments(x, (1, 2), keepdims=True)
    return _standardise(self, x, mean, var)


class NoNorm(Norm):
  """The identity, with no parameters."""

  def normalise(self, x, train):
    del train
    return x


batch, instance, layer, none = BatchNorm, InstanceNorm, LayerNorm, NoNorm


def is_none(norm):
  """Whether this norm field is `none`: the layer before it wants a bias."""
  return getattr(norm, 'func', norm) is none


def _moments(x, axes, axis_name=None, keepdims=False):
  """Mean and biased variance over axes and devices, and their count."""
  x = x.astype(jnp.float32)
  axes = tuple(axes)
  mean = collectives.mean(x.mean(axes, keepdims=keepdims), axis_name)
  var = collectives.mean(jnp.square(x - mean).mean(axes, keepdims=keepdims),
                         axis_name)
  count = x.size // mean.size * collectives.size(axis_name)
  return mean, var, count


def _standardise(norm, x, mean, var):
  """(x - mean) / sqrt(var + eps), scaled and shifted per channel."""
  x = (x.astype(jnp.float32) - mean) * jax.lax.rsqrt(var + norm.eps)
  if norm.affine:
    x *= norm.param('scale', norm.initializer.scale, x.shape[-1:])
    x += norm.param('bias', nn.initializers.zeros, x.shape[-1:])
  return x.astype(norm.dtype)
