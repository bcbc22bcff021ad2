"""A feature map as an octave (Chen et al., 2019): its detail at full size and
the rest of its channels at half size.

A map without low channels is a plain array [b, h, w, c]: layers that know
octaves take either, and make an octave of no more than they must.
"""
import dataclasses
import functools

import jax
import jax.numpy as jnp


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Octave:
  """Two maps that stand for one. Octaves of one network can be added.

  Attributes:
    high: [b, h, w, c_high], or None where all channels are low.
    low: [b, h / 2, w / 2, c_low], c_low > 0; odd h and w are rounded up.
  """
  high: jax.Array | None
  low: jax.Array

  @property
  def shape(self):
    """Of the map that it stands for: (b, h, w, c_high + c_low)."""
    b, h, w, c = self.low.shape
    if self.high is None:
      return b, 2 * h, 2 * w, c
    return *self.high.shape[:3], self.high.shape[3] + c

  def __add__(self, other):
    return jax.tree.map(jnp.add, self, other)


def each(function):
  """The function of one map, of an octave's two maps each by itself."""
  @functools.wraps(function)
  def mapped(x, *rest, **keywords):
    return jax.tree.map(lambda m: function(m, *rest, **keywords), x)
  return mapped
