"""Batch normalisation of each device's images by themselves."""
import jax.numpy as jnp

from jgan.errors import UserError
from jgan.layers.norm._norm import moments
from jgan.layers.norm.batch import BatchNorm
from jgan.ops import collectives


class LocalBatchNorm(BatchNorm):
  """`batch` with the statistics of the device's own rows of the batch.

  Devices do not wait for each other, and results depend on their number, as in
  PyTorch's DataParallel. Running statistics move towards the mean of those of
  the devices (PyTorch keeps those of the first). On one device it is `batch`.

  Raises:
    UserError: a program over a mesh (config.parallel='jit') has no rows of one
      device.
  """

  def moments(self, x, running, axis_name):
    del running
    if collectives.over_mesh(axis_name):
      raise UserError("norm 'local_batch' and config.parallel='jit', where a "
                      "batch is not divided: 'pmap', or the norm 'batch', "
                      'would be right')
    return moments(x, range(x.ndim - 1))

  def agreed(self, mean, var, axis_name):
    return collectives.mean(jnp.stack([mean, var]), axis_name)


local_batch = LocalBatchNorm
