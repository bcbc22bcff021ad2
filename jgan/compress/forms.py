"""The low-rank decompositions of layers/factored.py, by the name of the form.

Each is a module with the functions factor, compose, size, ladder and energy.
"""
from jgan import lookup
from jgan.compress import cp, svd, tucker
from jgan.errors import UserError

FORMS = {'cp': cp, 'svd': svd, 'tucker': tucker}


def fitting(shape):
  """Names of the forms for kernels of this shape, the preferred one first."""
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
