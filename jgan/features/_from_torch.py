"""Conversion of a torch state dict to variables of a linen module."""
import flax
import jax
import numpy as np

from jgan.errors import UserError

# {name of an array in linen: its name in torch}; others have the same in both.
LEAVES = {'kernel': 'weight', 'scale': 'weight', 'bias': 'bias',
          'mean': 'running_mean', 'var': 'running_var'}


def variables(model, inputs, state, path):
  """Renames and transposes the arrays of `state` into those of `model`.

  Scopes are joined by dots: block/conv/kernel is block.conv.weight in torch.
  Every array must be used, except num_batches_tracked of torch's batch
  normalisation.

  Args:
    model: a linen module.
    inputs: jax.ShapeDtypeStruct of the module's input.
    state: {name: array} with kernels in torch's layout OIHW, here HWIO.
    path: of the file, for error messages.

  Returns:
    {'params': ..., 'batch_stats': ...} of float32 numpy arrays.

  Raises:
    UserError: an array is missing, unused, of another shape or not finite.
  """
  template = jax.eval_shape(model.init, jax.random.key(0), inputs)
  unused = {k for k in state if not k.endswith('.num_batches_tracked')}
  flat = {}
  for place, spec in flax.traverse_util.flatten_dict(template).items():
    _, *scopes, leaf = place
    name = '.'.join([*scopes, LEAVES.get(leaf, leaf)])
    if name not in unused:
      raise UserError(f'{path} does not fit {type(model).__name__}: it has no '
                      f'{name} of {list(spec.shape)}')
    unused.remove(name)
    array = np.asarray(state[name])
    if array.ndim in (2, 4):
      array = np.moveaxis(array, (0, 1), (-1, -2))
    if array.shape != spec.shape:
      raise UserError(f'{path} does not fit {type(model).__name__}: {name} is '
                      f'{list(array.shape)} and should be {list(spec.shape)}')
    flat[place] = np.ascontiguousarray(array, np.float32)
    if not np.isfinite(flat[place]).all():
      raise UserError(f'{path}: {name} is not finite')
  if unused:
    raise UserError(f'{path} does not fit {type(model).__name__}: '
                    f'{min(unused)} and {len(unused) - 1} more have no place '
                    'in it')
  return flax.traverse_util.unflatten_dict(flat)
