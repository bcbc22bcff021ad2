"""The low-rank forms of a kernel by name, as layers/factored.py has them.

Each is a module with factor, compose, size, ladder and energy.
"""
from jgan import lookup
from jgan.compress import cp, svd, tucker
from jgan.errors import UserError

FORMS = {'cp': cp, 'svd': svd, 'tucker': tucker}


def fitting(shape):
  """Names of the forms that a kernel of this shape can take, best first."""
  if len(shape) == 2:
    return ('svd',)
  return ('svd', 'cp', 'tucker') if shape[:2] == (1, 1) else ('cp', 'tucker')


def form(name, shape):
  """The module of a form, for a kernel of this shape.

  Raises:
    UserError: the form is unknown or does not fit.
  """
  if name not in FORMS:
    raise UserError(f"no form '{name}': {lookup.nearest(name, FORMS)}")
  if name not in fitting(shape):
    raise UserError(f"a kernel of shape {tuple(shape)} takes no form '{name}', "
                    f"only {', '.join(fitting(shape))}")
  return FORMS[name]
