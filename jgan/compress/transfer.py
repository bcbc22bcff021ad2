"""What an optimizer had learnt, carried over to the factored network."""
import jax
import jax.numpy as jnp
from jax.tree_util import GetAttrKey


def carry(old, new):
  """Fills a fresh optimizer state with what an older one knows.

  An array per parameter (Adam's mu and nu, a momentum's trace) is found by
  the name of its field and the path of its parameter, wherever in a chain or
  partition it stands. A state whose arrays share a count, as Adam's, is
  carried whole or not at all: Adam with the count of old moments would take
  steps about (1 - b2)^(-1/2) times too large on moments that start at zero.
  So give new parameters a group of their own. Counts of states without such
  arrays, as a schedule's, begin anew.

  Args:
    old: state of an optax optimizer.
    new: init(params) of the new one, which may have other parameters and be
      built in another way.

  Returns:
    The filled state, and the sorted names of the parameters that have such
    arrays and start afresh.
  """
  known = {}
  for state, moments in _states(old).items():
    count = moments.pop('count', {}).get('')
    for field, arrays in moments.items():
      for path, value in arrays.items():
        known.setdefault((field, path), (state, count, value))

  filled, fresh = {}, set()
  for state, moments in _states(new).items():
    counted = '' in moments.pop('count', {})
    wanted = {(field, path): value for field, arrays in moments.items()
              for path, value in arrays.items() if path}
    have = {key: known[key] for key, value in wanted.items()
            if key in known and known[key][2].shape == value.shape}
    counts = {None if count is None else int(count)
              for _, count, _ in have.values()}
    if counted and (len(have) < len(wanted) or len(counts) != 1
                    or None in counts):
      have = {}
    fresh |= {path for field, path in wanted if (field, path) not in have}
    for (field, path), (_, count, value) in have.items():
      filled[state, field, path] = value
      if counted:
        # Each its own copy: no buffer may be donated twice.
        filled[state, 'count', ''] = jnp.array(count)

  def fill(path, value):
    return filled.get(_place(path), value)
  return jax.tree_util.tree_map_with_path(fill, new), sorted(fresh)


def _states(tree):
  """{place of a NamedTuple: {field: {parameter: array}}} of a state."""
  found = {}
  for path, value in jax.tree_util.tree_flatten_with_path(tree)[0]:
    place = _place(path)
    if place:
      state, field, parameter = place
      found.setdefault(state, {}).setdefault(field, {})[parameter] = value
  return found


def _place(path):
  """(NamedTuple's place, field, parameter) of a leaf; None without a field."""
  last = max((i for i, key in enumerate(path) if isinstance(key, GetAttrKey)),
             default=None)
  if last is None:
    return None
  name = lambda keys: jax.tree_util.keystr(keys, simple=True, separator='/')
  return name(path[:last]), path[last].name, name(path[last + 1:])
