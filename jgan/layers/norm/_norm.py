"""What the files of this folder share: a base class and its statistics."""
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jgan.layers.initializer import Init, torch_default
from jgan.ops import collectives
from jgan.ops.octave import Octave


class Norm(nn.Module):
  """What every normalisation accepts, so that a block may be given any.

  One defines `normalise` for arrays.

  Attributes:
    eps: added to the variance.
    affine: learn a 'scale' and a 'bias' [c].
    initializer: Init; its `scale` is used.
    dtype: of the output.
    axis_name: the device axis over which a batch is spread.
    shifts: whether the normalisation has a bias, if it is affine; the same for
      all of a class.
  """
  shifts = True
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

  def normalise(self, x, train):
    """x: [b, ..., c] -> the same shape, in `dtype`."""
    raise NotImplementedError


def wants_bias(norm):
  """Whether the layer before this norm field wants a bias: it has none."""
  return not getattr(getattr(norm, 'func', norm), 'shifts', True)


def moments(x, axes, axis_name=None, keepdims=False, near=0.):
  """Mean and biased variance over axes and devices, and their count.

  Several devices exchange their moments once, and once more in the gradient:
  the variance is the mean of theirs and the variance of their means. These are
  squared, and lose the variance if they are far from `near`, which all devices
  have.
  """
  x = x.astype(jnp.float32)
  axes = tuple(axes)
  mean = x.mean(axes, keepdims=keepdims)
  var = jnp.square(x - mean).mean(axes, keepdims=keepdims)
  if axis_name is not None:
    mean, var, square = collectives.mean(
        jnp.stack([mean, var, jnp.square(mean - near)]), axis_name)
    # Rounding may be below 0.
    var += jnp.maximum(square - jnp.square(mean - near), 0.)
  count = x.size // mean.size * collectives.size(axis_name)
  return mean, var, count


def standardise(norm, x, mean, var):
  """(x - mean) / sqrt(var + eps), scaled and shifted per channel."""
  x = (x.astype(jnp.float32) - mean) * jax.lax.rsqrt(var + norm.eps)
  if norm.affine:
    x *= norm.param('scale', norm.initializer.scale, x.shape[-1:])
    x += norm.param('bias', nn.initializers.zeros, x.shape[-1:])
  return x.astype(norm.dtype)
