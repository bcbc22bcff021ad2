"""Octave feature maps (Chen et al., 2019): some channels are at full
resolution (high frequencies), the others at half resolution (low frequencies).

A feature map without low channels is a plain array [b, h, w, c]: layers with
octave support accept both, and return an Octave only if low channels remain.
"""
import dataclasses
import functools

import jax
import jax.numpy as jnp


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Octave:
  """Two maps that represent one. Octaves with equal shapes can be added.

  Attributes:
    high: [b, h, w, c_high], or None where all channels are low.
    low: [b, h / 2, w / 2, c_low], c_low > 0; odd h and w are rounded up.
  """
  high: jax.Array | None
  low: jax.Array

  @property
  def shape(self):
    """Shape of the represented map: (b, h, w, c_high + c_low)."""
    b, h, w, c = self.low.shape
    if self.high is None:
      return b, 2 * h, 2 * w, c
    return *self.high.shape[:3], self.high.shape[3] + c

  def __add__(self, other):
    return jax.tree.map(jnp.add, self, other)


def each(function):
  """Decorator: applies a function of a map to both maps of an Octave.

  The low map is cropped to half of the high one, rounded up: doubled, a map of
  an odd size is larger than that.
  """
  @functools.wraps(function)
  def mapped(x, *rest, **keywords):
    y = jax.tree.map(lambda m: function(m, *rest, **keywords), x)
    if not isinstance(y, Octave) or y.high is None:
      return y
    h, w = (-(-n // 2) for n in y.high.shape[1:3])
    return Octave(y.high, y.low[:, :h, :w])
  return mapped
