"""Minibatch standard deviation: a feature that measures sample diversity."""
import jax.numpy as jnp

from jgan.errors import UserError
from jgan.ops import collectives


def minibatch_stddev(x, *, group=4, eps=1e-8, axis_name=None):
  """Minibatch standard deviation (Karras et al., 2018), in groups.

  A batch of n samples is split into n / group groups; sample j is in group
  j mod (n / group). The standard deviations of all features in a group are
  averaged to one number, which is appended to its samples as a channel. Groups
  are taken from the global batch, so they do not depend on the number of
  devices.

  Args:
    x: [b, h, w, c] of this shard.
    group: samples in a group; a smaller batch is one group.
    eps: added to variances.
    axis_name: the device axis, None for the whole batch.

  Returns:
    [b, h, w, c + 1].

  Raises:
    UserError: the global batch is not divisible into groups.
  """
  batch = collectives.gather(x.astype(jnp.float32), axis_name)
  n = batch.shape[0]
  group = min(group, n)
  if n % group:
    raise UserError(f'minibatch_stddev: a batch of {n} is not divisible into '
                    f'groups of {group}: {n // group * group} is')
  groups = batch.reshape(group, n // group, *x.shape[1:])
  stddev = jnp.sqrt(groups.var(0) + eps).mean((1, 2, 3))
  stddev = collectives.rows(jnp.tile(stddev, group), x.shape[0], axis_name)
  channel = jnp.broadcast_to(stddev[:, None, None, None], (*x.shape[:3], 1))
  return jnp.concatenate([x, channel.astype(x.dtype)], -1)
