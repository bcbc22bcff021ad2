"""Batch normalisation."""
import jax.numpy as jnp

from jgan.layers.norm._norm import Norm, moments, standardise


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
      return standardise(self, x, mean.value, var.value)
    # Outside the parallel step, where weights are made, no axis is bound.
    axis_name = None if self.is_initializing() else self.axis_name
    m, v, count = self.moments(x, mean.value, axis_name)
    if self.is_mutable_collection('batch_stats') and not self.is_initializing():
      new_mean, unbiased = self.agreed(m, v * (count / max(count - 1, 1)),
                                       axis_name)
      mean.value += self.momentum * (new_mean - mean.value)
      var.value += self.momentum * (unbiased - var.value)
    return standardise(self, x, m, v)

  def moments(self, x, running, axis_name):
    """Mean, biased variance and count that x is normalised by."""
    return moments(x, range(x.ndim - 1), axis_name, near=running)

  def agreed(self, mean, var, axis_name):
    """Mean and variance that all devices move their running ones towards."""
    del axis_name
    return mean, var


batch = BatchNorm
