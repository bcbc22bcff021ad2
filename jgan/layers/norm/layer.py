"""Layer normalisation."""
from jgan.layers.norm._norm import Norm, moments, standardise


class LayerNorm(Norm):
  """Layer normalisation over (h, w, c), with one scale per channel."""

  def normalise(self, x, train):
    del train
    mean, var, _ = moments(x, range(1, x.ndim), keepdims=True)
    return standardise(self, x, mean, var)


layer = LayerNorm
