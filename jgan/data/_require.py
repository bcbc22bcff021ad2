"""Validation of the arguments of a data set."""
from jgan import lookup
from jgan.errors import UserError


def one_of(key, value, known):
  """Raises UserError unless `value` of config.data.<key> is in `known`."""
  if value not in known:
    raise UserError(f"no '{value}' for data.{key}: "
                    f'{lookup.nearest(value, known)}')


def at_least(key, value, least):
  """Raises UserError where `value` of config.data.<key> is below `least`."""
  if not value >= least:
    raise UserError(f'data.{key} is {value}, it must be at least {least}')
