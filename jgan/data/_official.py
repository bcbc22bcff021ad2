"""Location and checksums of the files of a published data set."""
import hashlib
import pathlib

from jgan.errors import UserError


def root(data_dir, layout):
  """The data directory as a Path.

  data_dir: the user's setting, '' if unset.
  layout: description of the expected contents, for error messages.

  Raises:
    UserError: it is unset, or there is no such directory.
  """
  if not data_dir:
    raise UserError('this data set is read from files: give --data_dir or set '
                    f'JGAN_DATA to a directory with {layout}')
  path = pathlib.Path(data_dir).expanduser()
  if not path.is_dir():
    state = 'is not a directory' if path.exists() else 'does not exist'
    raise UserError(f'data directory {path} {state}; it should hold {layout}')
  return path


def find(base, folders, marker):
  """The first of base/folders[i], then base itself, with the file `marker`.

  None if no folder has it.
  """
  for folder in (*(base / name for name in folders), base):
    if (folder / marker).is_file():
      return folder
  return None


def verify(path, data, checksum):
  """Checks the bytes `data` of the file `path` by a published checksum.

  data: anything with the buffer protocol.
  checksum: MD5 (32 hexadecimal digits) or SHA-256 (64).

  Raises:
    UserError: the checksum differs.
  """
  name = {32: 'md5', 64: 'sha256'}[len(checksum)]
  actual = hashlib.new(name, data, usedforsecurity=False).hexdigest()
  if actual != checksum:
    raise UserError(f'{path} is not the official file: {name} {actual}, '
                    f'expected {checksum}; download it again')


def read(path, checksum):
  """The bytes of one official file, checked.

  Raises:
    UserError: it is missing, unreadable or not the official file.
  """
  if not path.is_file():
    raise UserError(f'{path} is missing')
  try:
    data = path.read_bytes()
  except OSError as error:
    raise UserError(f'cannot read {path}: {error.strerror}') from error
  verify(path, data, checksum)
  return data
