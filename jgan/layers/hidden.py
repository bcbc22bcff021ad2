"""Widths of the hidden layers whose channels can be chosen one by one."""
from jgan.errors import UserError


def widths(hidden, usual, model):
  """The channels of each hidden layer: `hidden`, or `usual` where that is ().

  Raises:
    UserError: not one positive number of channels for each layer.
  """
  if not hidden:
    return tuple(usual)
  if len(hidden) != len(usual) or not all(
      type(n) is int and n >= 1 for n in hidden):
    raise UserError(f'{model}: hidden={tuple(hidden)} does not give '
                    f'{len(usual)} layers channels; numbers as {tuple(usual)} '
                    'would be right')
  return tuple(hidden)
