"""No normalisation."""
from jgan.layers.norm._norm import Norm


class NoNorm(Norm):
  """The identity, with no parameters."""
  shifts = False

  def normalise(self, x, train):
    del train
    return x


none = NoNorm
