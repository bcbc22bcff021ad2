"""Atomic writing of cached files."""
import os

from jgan.errors import UserError


def write(path, data):
  """Writes bytes to a file atomically, and creates its folder if needed.

  Raises:
    UserError: the file cannot be written.
  """
  partial = path.with_name(f'{path.name}.{os.getpid()}')
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial.write_bytes(data)
    os.replace(partial, path)
  except OSError as error:
    raise UserError(f'cannot write {path}: {error.strerror}') from error
