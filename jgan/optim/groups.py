"""Parameter groups: learning rates of their own for parameters, by name."""
import re

import jax
import optax

from jgan.errors import UserError

REST = 'rest'


def grouped(algorithm, lr, groups):
  """An optimizer with a learning rate and a state for each parameter group.

  Args:
    algorithm: learning rate -> optax transformation.
    lr: learning rate of the parameters in no group.
    groups: list of {'match': regular expression, 'lr': float}. A parameter
      belongs to the first group whose expression matches its '/'-joined name.

  Raises:
    UserError: a group lacks a key, its 'match' is not a regular expression, or
      its 'lr' no number of at least 0.
  """
  patterns = []
  for i, group in enumerate(groups):
    if not hasattr(group, 'keys') or {*group} != {'match', 'lr'}:
      raise UserError(f'group {i} of the optimizer is {group!r}: '
                      "{'match': a pattern of names, 'lr': a rate} would be "
                      'right')
    rate = group['lr']
    if type(rate) not in (int, float) or not rate >= 0.:
      raise UserError(f'group {i} of the optimizer has lr={rate!r}: a number '
                      'of at least 0 would be right')
    try:
      patterns.append(re.compile(group['match']))
    except (re.error, TypeError) as error:
      raise UserError(f"'{group['match']}', the pattern of optimizer group "
                      f'{i}, is no regular expression: {error}') from error

  def label(path, _):
    name = jax.tree_util.keystr(path, simple=True, separator='/')
    return next((str(i) for i, p in enumerate(patterns) if p.search(name)),
                REST)

  rates = {str(i): group['lr'] for i, group in enumerate(groups)} | {REST: lr}
  return optax.partition(
      {name: algorithm(rate) for name, rate in rates.items()},
      lambda params: jax.tree_util.tree_map_with_path(label, params))
