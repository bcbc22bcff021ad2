"""Download of a published file, with a cache and a checksum."""
import hashlib
import http.client
import pathlib
import urllib.request

from jgan.errors import UserError
from jgan.features import _cache


def fetch(url, checksum, cache, help_text):
  """Returns the path of the file behind `url`, in the folder `cache`.

  Args:
    url: its last part is the file name.
    checksum: the first digits of its SHA-256.
    cache: a folder, created if needed; '~' is the home directory.
    help_text: end of error messages: how to provide the file otherwise.

  Raises:
    UserError: the download failed, or the checksum differs.
  """
  path = pathlib.Path(cache).expanduser() / url.rsplit('/', 1)[-1]
  cached = path.is_file()
  source = path if cached else url
  try:
    if cached:
      data = path.read_bytes()
    else:
      with urllib.request.urlopen(url, timeout=30) as response:
        data = response.read()
  except (OSError, http.client.HTTPException) as error:
    raise UserError(f'cannot get {source} ({error}); {help_text}') from error
  sha256 = hashlib.sha256(data).hexdigest()
  if not sha256.startswith(checksum):
    raise UserError(f'{source} has sha256 {sha256}, not {checksum}...: delete '
                    f'it, or {help_text}')
  if not cached:
    _cache.write(path, data)
  return path
