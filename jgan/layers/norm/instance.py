"""Instance normalisation."""
from jgan.errors import UserError
from jgan.layers.norm._norm import Norm, moments, standardise


class InstanceNorm(Norm):
  """Instance normalisation (Ulyanov et al., 2016): over (h, w)."""

  def normalise(self, x, train):
    del train
    if x.ndim != 4:
      raise UserError(f'instance normalisation of {x.ndim} axes: it needs '
                      '[b, h, w, c]; use batch or layer')
    mean, var, _ = moments(x, (1, 2), keepdims=True)
    return standardise(self, x, mean, var)


instance = InstanceNorm
