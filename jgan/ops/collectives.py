"""Reductions over the device axis; the identity when there is none.

A step is written once. With axis_name=None its arrays are the whole batch
(one device, or a jit over a mesh, where XLA inserts the communication); with
a name they are one device's shard inside pmap. Nothing else branches on it.
"""
import jax


def size(axis_name):
  """Number of shards, an int: 1 without an axis."""
  return 1 if axis_name is None else jax.lax.axis_size(axis_name)


def mean(tree, axis_name):
  """Averages every leaf over the devices."""
  return tree if axis_name is None else jax.lax.pmean(tree, axis_name)


def gather(x, axis_name):
  """[b, ...] of this shard -> [global b, ...], in the global order.

  Its transpose sums the cotangents of all devices, each of which computed
  the same loss: gradients come out `devices` times too large and the mean
  over devices that follows puts them right.
  """
  if axis_name is None:
    return x
  return jax.lax.all_gather(x, axis_name, tiled=True)


def draw(sampler, rng, shape, axis_name):
  """Draws `sampler(rng, global shape)` and keeps this shard's rows.

  shape: of this shard, batch first. Every device draws the whole array, so
  the noise of a batch does not depend on how many devices share it.
  """
  if axis_name is None:
    return _spread(sampler(rng, shape))
  whole = sampler(rng, (shape[0] * size(axis_name), *shape[1:]))
  first = jax.lax.axis_index(axis_name) * shape[0]
  return jax.lax.dynamic_slice_in_dim(whole, first, shape[0])


def _spread(x):
  """Shards the rows of x over the mesh in force, if there is one.

  Nothing else would tell XLA to: a batch drawn inside a jit over a mesh has
  no sharded input to take its layout from, and every device would make all
  of the images.
  """
  mesh = jax.sharding.get_abstract_mesh()
  if mesh.empty or x.shape[0] % mesh.size:
    return x
  rows = jax.sharding.PartitionSpec(mesh.axis_names[0])
  return jax.lax.with_sharding_constraint(x, rows)
