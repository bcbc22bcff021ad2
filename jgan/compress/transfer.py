"""Transfer of the optimizer state to the factored network."""
import jax
import jax.numpy as jnp
from jax.tree_util import GetAttrKey


def carry(old, new):
  """Copies the moments of an old optimizer state into a new one.

  Arrays with the shape of a parameter (Adam's mu and nu, the momentum trace)
  are matched by the name of their field and the path of their parameter,
  wherever in an optax chain or partition they are. A state whose arrays share
  a count, such as Adam's, is copied completely or not at all: with the count
  of the old moments, Adam would take steps about (1 - b2)^(-1/2) times too
  large for parameters whose moments start at zero. So put new parameters into
  a group of their own. A parameter with a count of its own, as in Adam with
  counts='own', is copied with it. Counts of states without such arrays, such as
  those of a schedule, restart at zero.

  Args:
    old: state of an optax optimizer.
    new: init(params) of the new optimizer, which may have other parameters
      and be composed differently.

  Returns:
    The new state, and the sorted names of the parameters whose arrays were not
    copied and start at zero.
  """
  old_arrays = {}
  for state, moments in _states(old).items():
    count = _shared_count(moments)
    for field, arrays in moments.items():
      for path, value in arrays.items():
        old_arrays.setdefault((field, path), (state, count, value))

  filled, fresh = {}, set()
  for state, moments in _states(new).items():
    has_count = _shared_count(moments) is not None
    new_arrays = {(field, path): value for field, arrays in moments.items()
                  for path, value in arrays.items() if path}
    matches = {key: old_arrays[key] for key, value in new_arrays.items()
               if key in old_arrays
               and old_arrays[key][2].shape == value.shape}
    counts = {None if count is None else int(count)
              for _, count, _ in matches.values()}
    if has_count and (len(matches) < len(new_arrays) or len(counts) != 1
                      or None in counts):
      matches = {}
    fresh |= {path for field, path in new_arrays
              if (field, path) not in matches}
    for (field, path), (_, count, value) in matches.items():
      filled[state, field, path] = value
      if has_count:
        # A copy each, because a buffer must not be donated twice.
        filled[state, 'count', ''] = jnp.array(count)

  def fill(path, value):
    return filled.get(_place(path), value)
  return jax.tree_util.tree_map_with_path(fill, new), sorted(fresh)


def _shared_count(moments):
  """Takes the count that all arrays share out of a state; None without one."""
  return moments.get('count', {}).pop('', None)


def _states(tree):
  """{path of a NamedTuple: {field: {parameter: array}}} of a state."""
  states = {}
  for path, value in jax.tree_util.tree_flatten_with_path(tree)[0]:
    place = _place(path)
    if place:
      state, field, parameter = place
      states.setdefault(state, {}).setdefault(field, {})[parameter] = value
  return states


def _place(path):
  """(path of the NamedTuple, field, parameter) of a leaf; None if in none."""
  last = max((i for i, key in enumerate(path) if isinstance(key, GetAttrKey)),
             default=None)
  if last is None:
    return None
  name = lambda keys: jax.tree_util.keystr(keys, simple=True, separator='/')
  return name(path[:last]), path[last].name, name(path[last + 1:])
