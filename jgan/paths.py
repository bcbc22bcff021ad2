"""Paths as users write them: '~' is the home folder, addresses are refused."""
import atexit
import os
import pathlib
import re
import shutil
import tempfile

from jgan.errors import UserError

_ADDRESS = re.compile(r'[A-Za-z][A-Za-z0-9+.-]+://')


def local(text, name):
  """A path, or another text, with '~' expanded: -> str.

  Args:
    text: as a flag or a config key gives it; it need not be a path.
    name: of the flag or the key, for messages.

  Raises:
    UserError: it is an address, as gs://BUCKET/RUN, '~' of no user, or not
      Unicode.
  """
  text = os.fspath(text)
  try:
    text.encode()
  except UnicodeEncodeError as error:
    raise UserError(f'{name}={text} has letters that this locale does not '
                    'read: PYTHONUTF8=1 reads UTF-8, and the name must be that'
                    ) from error
  if _ADDRESS.match(text):
    raise UserError(f'{name}={text} is an address: jgan reads and writes '
                    'folders of this machine only. Mount it (gcsfuse for '
                    'gs://), or copy what is there')
  try:
    return str(pathlib.Path(text).expanduser()) if text[:1] == '~' else text
  except RuntimeError as error:
    raise UserError(f'{name}={text}: {error}; set HOME, or give the whole '
                    'path') from error


def ensure_home():
  """Sets HOME to a temporary folder if this user has none, as in containers.

  JAX, matplotlib and jgan have caches below it. A home that cannot be written
  counts as none, unless it has jgan's cache.
  """
  try:
    home = pathlib.Path.home()
    if os.access(home, os.W_OK) or (home / '.cache' / 'jgan').is_dir():
      return
  except RuntimeError:
    pass  # neither HOME nor an entry in the list of users
  folder = os.environ['HOME'] = tempfile.mkdtemp(prefix='jgan-home-')
  atexit.register(shutil.rmtree, folder, ignore_errors=True)
