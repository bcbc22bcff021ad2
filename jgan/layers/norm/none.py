"""No normalisation."""
from jgan.layers.norm._norm import Norm


class NoNorm(Norm):
  """The identity, with no parameters."""

  def normalise(self, x, train):
    del train
    return x


none = NoNorm


def is_none(norm):
  """Whether this norm field is `none`: the layer before it wants a bias."""
  return getattr(norm, 'func', norm) is none
