"""Download of a published file, with a cache and a checksum."""
import hashlib
import http.client
import logging
import pathlib
import urllib.request

from jgan.errors import UserError
from jgan.features import _cache

log = logging.getLogger(__name__)


def fetch(url, checksum, cache, help_text):
  """Returns the path of the file behind `url`, in the folder `cache`.

  A cached file with another checksum is damaged, and downloaded again.

  Args:
    url: its last part is the file name.
    checksum: the first digits of its SHA-256.
    cache: a folder, created if needed; '~' is the home directory.
    help_text: end of error messages: how to provide the file otherwise.

  Raises:
    UserError: the download failed, or the checksum differs.
  """
  path = pathlib.Path(cache).expanduser() / url.rsplit('/', 1)[-1]
  if path.is_file():
    try:
      if _sha256(path.read_bytes()).startswith(checksum):
        return path
    except OSError as error:
      raise UserError(f'cannot get {path} ({error}); {help_text}') from error
    log.warning('%s is damaged: it is downloaded again', path)
  log.info('downloading %s', url)
  try:
    with urllib.request.urlopen(url, timeout=30) as response:
      data = response.read()
  except (OSError, http.client.HTTPException) as error:
    raise UserError(f'cannot get {url} ({error}); {help_text}') from error
  sha256 = _sha256(data)
  if not sha256.startswith(checksum):
    raise UserError(f'{url} has sha256 {sha256}, not {checksum}...; '
                    f'{help_text}')
  _cache.write(path, data)
  return path


def _sha256(data):
  return hashlib.sha256(data).hexdigest()
