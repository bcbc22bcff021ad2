"""A torch state dict as the variables of a linen module of the same names."""
import flax
import jax
import numpy as np

from jgan.errors import UserError

# linen's name of an array -> torch's
LEAVES = {'kernel': 'weight', 'scale': 'weight', 'bias': 'bias',
           'mean': 'running_mean', 'var': 'running_var'}


def variables(model, inputs, state, path):
  """Renames and transposes the arrays of `state` into those of `model`.

  Scopes are joined by dots: block/conv/kernel is block.conv.weight there.
  Every array must be used, but for the count of batches that torch's batch
  normalisation keeps.

  Args:
    model: a linen module.
    inputs: jax.ShapeDtypeStruct of what it is called with.
    state: {name: array}; kernels are OIHW there and HWIO here.
    path: of the file, for errors.

  Returns:
    {'params': ..., 'batch_stats': ...} of float32 numpy arrays.

  Raises:
    UserError: an array is missing, left over, of another shape, not finite.
  """
  template = jax.eval_shape(model.init, jax.random.key(0), inputs)
  left = {k for k in state if not k.endswith('.num_batches_tracked')}
  found = {}
  for place, spec in flax.traverse_util.flatten_dict(template).items():
    _, *scopes, leaf = place
    name = '.'.join([*scopes, LEAVES[leaf]])
    if name not in left:
      raise UserError(f'{path} does not fit {type(model).__name__}: it has no '
                      f'{name} of {list(spec.shape)}')
    left.remove(name)
    array = np.asarray(state[name])
    if array.ndim in (2, 4):
      array = np.moveaxis(array, (0, 1), (-1, -2))
    if array.shape != spec.shape:
      raise UserError(f'{path} does not fit {type(model).__name__}: {name} is '
                      f'{list(array.shape)} and should be {list(spec.shape)}')
    found[place] = np.ascontiguousarray(array, np.float32)
    if not np.isfinite(found[place]).all():
      raise UserError(f'{path}: {name} is not finite')
  if left:
    raise UserError(f'{path} does not fit {type(model).__name__}: '
                    f'{min(left)} and {len(left) - 1} more have no place in it')
  return flax.traverse_util.unflatten_dict(found)
