"""Atomic writing of cached files."""
from jgan.errors import UserError
from jgan.files import replacing


def write(path, data):
  """Writes bytes to a file atomically, and creates its folder if needed.

  Raises:
    UserError: the file cannot be written.
  """
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
      part.write_bytes(data)
  except OSError as error:
    raise UserError(f'cannot write {path}: {error.strerror}') from error
