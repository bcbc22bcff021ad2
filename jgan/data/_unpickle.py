"""Numpy arrays out of a pickle, without running any code it asks for.

A pickle is a program: it may call whatever it can import. This reader lets
it import the three names that rebuild an array, and nothing else.
"""
import io
import pickle

import numpy as np

from jgan.errors import UserError

# numpy's own name for the function that rebuilds an array has moved; the
# array itself says what it is today.
_RECONSTRUCT = np.zeros(0).__reduce__()[0]
_ALLOWED = {
    ('numpy.core.multiarray', '_reconstruct'): _RECONSTRUCT,
    ('numpy._core.multiarray', '_reconstruct'): _RECONSTRUCT,
    ('numpy', 'ndarray'): np.ndarray,
    ('numpy', 'dtype'): np.dtype,
}


class _Reader(pickle.Unpickler):
  """Finds the names of _ALLOWED only."""

  def find_class(self, module, name):
    """Stands in for the import that the pickle asks for."""
    if (module, name) not in _ALLOWED:
      raise pickle.UnpicklingError(f'it asks for {module}.{name}')
    return _ALLOWED[module, name]


def unpickle(path, data):
  """Decodes the pickle `data` of the file `path`; strings come as bytes.

  Raises:
    UserError: it is no pickle, or asks for more than numpy arrays; names
      the file and what it asks for.
  """
  try:
    return _Reader(io.BytesIO(data), encoding='bytes').load()
  except (pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError,
          TypeError, AttributeError) as error:
    raise UserError(f'{path} is not a pickle of numpy arrays: '
                    f'{error}') from error
