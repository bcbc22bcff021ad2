"""Arrays of several runs, stacked, and the step mapped over them."""
import jax
import numpy as np
from jax.sharding import PartitionSpec


def stacked(trees):
  """Pytrees of one structure as one, with a new first axis, on the host."""
  return jax.tree.map(lambda *x: np.stack(x), *trees)


def taken(tree, i, where):
  """The arrays of run i of a stacked pytree, copies on its device."""
  each = len(where.seeds) // where.mesh.size
  shards = jax.tree.map(
      lambda x: next(s.data for s in x.addressable_shards
                     if s.index[0].start in (None, i - i % each)), tree)
  return _at(shards, np.int32(i % each))


@jax.jit
def _at(tree, i):
  return jax.tree.map(lambda x: x[i], tree)


def over_runs(function, mesh):
  """parallel.advance for several runs, each device of a mesh its share.

  All arguments but the images, and all results, get a first axis of runs.
  """
  def mapped(state, health, data, x, seed):
    # All runs are at one step. Without the axis, lax.cond on it is a branch.
    step = state.step[0]
    return jax.vmap(lambda state, health, x, seed: function(
        state.replace(step=step), health, data, x, seed))(
            state, health, x, seed)

  by_run, same = PartitionSpec(mesh.axis_names[0]), PartitionSpec()
  return jax.shard_map(
      mapped, mesh=mesh, check_vma=False, out_specs=by_run,
      in_specs=(by_run, by_run, same, by_run, by_run))
