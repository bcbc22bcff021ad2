"""Reads numpy arrays from a pickle, without running arbitrary code.

A pickle is a program that may call anything that can be imported. This reader
allows only the three names that rebuild an array.
"""
import io
import pickle

import numpy as np

from jgan.errors import UserError

# The function that rebuilds an array has moved between numpy versions; an
# array's __reduce__ returns the current one.
_RECONSTRUCT = np.zeros(0).__reduce__()[0]
_ALLOWED = {
    ('numpy.core.multiarray', '_reconstruct'): _RECONSTRUCT,
    ('numpy._core.multiarray', '_reconstruct'): _RECONSTRUCT,
    ('numpy', 'ndarray'): np.ndarray,
    ('numpy', 'dtype'): np.dtype,
}


class _Reader(pickle.Unpickler):
  """An unpickler that resolves only the names in _ALLOWED."""

  def find_class(self, module, name):
    """Replaces the import that the pickle asks for."""
    if (module, name) not in _ALLOWED:
      raise pickle.UnpicklingError(f'it asks for {module}.{name}')
    return _ALLOWED[module, name]


def unpickle(path, data):
  """Decodes the pickle `data` of the file `path`; strings become bytes.

  Raises:
    UserError: it is not a pickle, or imports anything but numpy arrays.
  """
  try:
    return _Reader(io.BytesIO(data), encoding='bytes').load()
  except (pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError,
          TypeError, AttributeError) as error:
    raise UserError(f'{path} is not a pickle of numpy arrays: '
                    f'{error}') from error
