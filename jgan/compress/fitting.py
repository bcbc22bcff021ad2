"""Which low-rank forms (jgan/compress/forms) a kernel can take."""
from jgan import lookup
from jgan.errors import UserError


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
  module = lookup.find('compress.forms', name)
  if name not in fitting(shape):
    raise UserError(f"a kernel of shape {tuple(shape)} takes no form '{name}', "
                    f"only {', '.join(fitting(shape))}")
  return module
