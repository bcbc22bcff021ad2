"""Collective operations over the device axis; the identity without one.

A training step is written once. With axis_name=None its arrays are the global
batch (one device, or a jit over a mesh, where XLA inserts the communication);
with a name they are the shard of one device inside pmap. No other file
distinguishes the two.
"""
import jax

from jgan.ops import row_key


def size(axis_name):
  """Number of shards, an int: 1 without an axis."""
  return 1 if axis_name is None else jax.lax.axis_size(axis_name)


def over_mesh(axis_name):
  """Whether arrays are global, in one program for several devices."""
  mesh = _mesh()
  return axis_name is None and mesh is not None and mesh.size > 1


def mean(tree, axis_name):
  """Averages every leaf over the devices."""
  return tree if axis_name is None else jax.lax.pmean(tree, axis_name)


def gather(x, axis_name):
  """[b, ...] of this shard -> [global b, ...], in the global order.

  Its transpose sums the cotangents of all devices, each of which computes the
  same loss. So this sum is `devices` times the gradient, which the subsequent
  mean over devices corrects.
  """
  if axis_name is None:
    return x
  return jax.lax.all_gather(x, axis_name, tiled=True)


def rows(x, count, axis_name):
  """The `count` rows of this shard of x [global count or more, ...]."""
  if axis_name is None:
    return _spread(x[:count])
  first = jax.lax.axis_index(axis_name) * count
  return jax.lax.dynamic_slice_in_dim(x, first, count)


def draw(sampler, rng, shape, axis_name):
  """This shard's rows of `sampler(rng, global shape)`.

  Every device draws its own rows only, and the noise of a batch does not depend
  on the number of devices.

  sampler: (key, shape) -> array, of jax.random, independent between rows.
  shape: of this shard, batch first.
  """
  if axis_name is None:
    return _spread(sampler(rng, shape))
  return sampler(row_key.at(rng, jax.lax.axis_index(axis_name) * shape[0]),
                 shape)


def _spread(x):
  """Shards the rows of x over the current mesh, if there is one.

  A batch drawn inside a jit over a mesh depends on no sharded input, so XLA
  would otherwise replicate it, and every device would generate all images.
  """
  mesh = _mesh()
  if mesh is None or x.shape[0] % mesh.size:
    return x
  rows = jax.sharding.PartitionSpec(mesh.axis_names[0])
  return jax.lax.with_sharding_constraint(x, rows)


def _mesh():
  """The mesh over which XLA divides this program; None without one."""
  mesh = jax.sharding.get_abstract_mesh()
  divided = not mesh.empty and (
      mesh.axis_types[0] == jax.sharding.AxisType.Auto)  # not in a shard_map
  return mesh if divided else None
