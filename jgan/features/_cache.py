"""Files that are expensive to have again."""
import os

from jgan.errors import UserError


def write(path, data):
  """Writes bytes to a file that is whole or not there, making its folder.

  Raises:
    UserError: it cannot be written; names the file.
  """
  part = path.with_name(f'{path.name}.{os.getpid()}')
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(data)
    os.replace(part, path)
  except OSError as error:
    raise UserError(f'cannot write {path}: {error.strerror}') from error
