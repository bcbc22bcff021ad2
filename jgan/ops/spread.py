"""Arrays over the devices of a mesh, in one process or in several.

A mesh has one axis. It is over all devices of all processes, in the order of
the processes, or over some of the only one.
"""
import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec


def mesh(devices=None):
  """A mesh over devices: by default all, of all processes."""
  if devices is None:
    devices = sorted(jax.devices(), key=lambda d: (d.process_index, d.id))
  return Mesh(np.array(devices), ('batch',))


def rows(mesh):
  """The sharding of arrays of which each device has some rows."""
  return NamedSharding(mesh, PartitionSpec(mesh.axis_names[0]))


def everywhere(mesh):
  """The sharding of arrays of which each device has a copy."""
  return NamedSharding(mesh, PartitionSpec())


def readable(mesh):
  """The sharding of arrays that each process reads.

  In one process they stay where they are; in several each device gets a copy.
  """
  return rows(mesh) if jax.process_count() == 1 else everywhere(mesh)


def divisible(count, mesh):
  """The smallest number from `count` on that the devices divide evenly."""
  return -(-count // mesh.size) * mesh.size


def put(x, sharding):
  """Places a numpy array that all processes have: each sends its devices' part.
  """
  return jax.make_array_from_callback(x.shape, sharding, lambda part: x[part])


def copies(tree, mesh):
  """Arrays as they are on each device of the mesh; those there are not copied.

  tree: numpy arrays, or arrays that are the same on each of their devices.
  """
  sharding, devices = everywhere(mesh), {*mesh.devices.flat}

  def place(x):
    if isinstance(x, jax.Array) and x.sharding.device_set == devices:
      return jax.make_array_from_single_device_arrays(
          x.shape, sharding, [shard.data for shard in x.addressable_shards])
    return put(_one(x), sharding)

  return jax.tree.map(place, tree)


def on_host(function, x):
  """Applies a function of numpy rows to the rows of each device: -> array.

  x: an array spread by `rows`; the result has as many rows.
  """
  parts = [jax.device_put(function(np.asarray(shard.data)), shard.device)
           for shard in x.addressable_shards]
  return jax.make_array_from_single_device_arrays(
      (len(x), *parts[0].shape[1:]), x.sharding, parts)


def read(x):
  """A numpy array of one that is `readable`, or numpy."""
  if isinstance(x, jax.Array) and not x.is_fully_addressable:
    x = x.addressable_data(0)
  return np.asarray(x)


def local(tree):
  """The copies of one device of this process, as numpy arrays."""
  return jax.tree.map(_one, tree)


def _one(x):
  return np.asarray(x.addressable_data(0) if isinstance(x, jax.Array) else x)
