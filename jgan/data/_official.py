"""Location and checksums of the files of a published data set."""
import hashlib
import itertools
import pathlib
import shlex
from typing import NamedTuple

from jgan.errors import UserError

_ARCHIVES = ('.zip', '.tar', '.tar.gz', '.tgz')


class Published(NamedTuple):
  """Where a data set comes from, for messages; docs/data.md has the whole.

  Attributes:
    layout: what the data directory must hold.
    url: where to download it; '' for a set of the user's own.
    archives: pattern of the names of its archives.
  """
  layout: str
  url: str = ''
  archives: str = '*'

  def __str__(self):
    origin = f' from {self.url}' if self.url else ''
    return f'{self.layout}{origin}; see docs/data.md'


def root(data_dir, published):
  """The data directory as a Path.

  data_dir: the user's setting, '' if unset.
  published: Published of the set that is looked for.

  Raises:
    UserError: it is unset, or there is no such directory.
  """
  if not data_dir:
    raise UserError('this data set is read from files: give --data_dir or set '
                    f'JGAN_DATA to a directory with {published}')
  path = pathlib.Path(data_dir).expanduser()
  if path.is_file() and _is_archive(path):
    raise UserError(f'--data_dir={path} is an archive: unpack it '
                    f'({_command(path)}) and give --data_dir={path.parent}')
  if not path.is_dir():
    state = 'is not a directory' if path.exists() else 'does not exist'
    raise UserError(f'data directory {path} {state}; it should hold '
                    f'{published}')
  return path


def find(base, folders, marker):
  """The first of base/folders[i], then base itself, with the file `marker`.

  None if no folder has it.
  """
  for folder in (*(base / name for name in folders), base):
    if (folder / marker).is_file():
      return folder
  return None


def missing(base, markers, published, what=''):
  """The UserError of a data directory that has none of the files `markers`.

  It says how to unpack the set's archive, if that is there, or where a file
  lies, if it is in a folder of another name.

  what: is missing; '': the first of the files.
  """
  text = f'no {what or markers[0]} in {base}'
  if advice := unpacking(base, published.archives):
    return UserError(f'{text}: {advice}')
  patterns = ['*/' * depth + file for depth in (1, 2, 3) for file in markers]
  for file in itertools.chain(*map(base.glob, patterns)):
    if file.is_file():
      return UserError(f'{text}, but {file.name} is in {file.parent}: give '
                       f'--data_dir={file.parent}')
  return UserError(f'{text}; it should hold {published}')


def unpacking(base, pattern='*'):
  """How to unpack the archives in a folder, '' if there are none.

  pattern: of their names.
  """
  archives = [path for path in sorted(base.glob(pattern))
              if path.is_file() and _is_archive(path)]
  if not archives:
    return ''
  return f'unpack {archives[0].name}: {_command(archives[0])}'


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


def _is_archive(path):
  return path.name.lower().endswith(_ARCHIVES)


def _command(archive):
  """The shell command that unpacks an archive beside itself."""
  if archive.name.lower().endswith('.zip'):
    words = 'unzip', str(archive), '-d', str(archive.parent)
  else:
    words = 'tar', '-xf', str(archive), '-C', str(archive.parent)
  return shlex.join(words)
