"""Files that a config names, and the bytes that they had then.

A run that goes on must compute what it computed before. Where its steps depend
on a file, its config records the SHA-256 of the file beside the path, as
`sha256sum FILE` prints it, and other bytes under that path are refused.
"""
import hashlib

from jgan import arrays
from jgan.errors import UserError

_EXPORT = '--mode=export --workdir=RUN --out=FILE.safetensors'


def pin(section, path):
  """Records the SHA-256 of the file that a section's `teacher` names.

  Args:
    section: with the keys teacher and sha256, changed in place; one that has a
      SHA-256 stays, so that a run is loaded without the file.
    path: of the section, for messages.

  Raises:
    UserError: it names no file, or one that cannot be read.
  """
  if not section.teacher:
    raise UserError(f"config.{path} ('{section.name}') has no teacher, the "
                    'file of a trained network: teacher=FILE of '
                    f'{_EXPORT} would be right')
  section.sha256 = section.sha256 or digest(section.teacher)


def require(file, sha256):
  """Refuses a file that has other bytes than those recorded.

  Raises:
    UserError: they differ, or it cannot be read.
  """
  if (now := digest(file)) != sha256:
    raise UserError(
        f'{file} has the SHA-256 {now}, and the config {sha256}, of what was '
        'there when the run was made: the file of then, or in a new run '
        'sha256= with nothing behind it, would be right')


def digest(file):
  """The SHA-256 of a file's bytes, in hexadecimal.

  Raises:
    UserError: it is no regular file, or cannot be read.
  """
  path = arrays.regular(file)
  try:
    with path.open('rb') as opened:
      return hashlib.file_digest(opened, 'sha256').hexdigest()
  except OSError as error:
    raise UserError(f'cannot read {path}: {arrays.reason(error)}') from error
