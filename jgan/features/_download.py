"""One published file, from a cache or from the network."""
import hashlib
import http.client
import pathlib
import urllib.request

from jgan.errors import UserError
from jgan.features import _cache


def fetch(url, checksum, cache, help_text):
  """Returns the path of the file behind `url`, in the folder `cache`.

  Args:
    url: its last part names the file.
    checksum: the first digits of its SHA-256.
    cache: a folder, made if need be; '~' is the home.
    help_text: how else to give the file, the end of an error.

  Raises:
    UserError: it cannot be had, or is another file.
  """
  path = pathlib.Path(cache).expanduser() / url.rsplit('/', 1)[-1]
  there = path.is_file()
  source = path if there else url
  try:
    if there:
      data = path.read_bytes()
    else:
      with urllib.request.urlopen(url, timeout=30) as response:
        data = response.read()
  except (OSError, http.client.HTTPException) as error:
    raise UserError(f'cannot get {source} ({error}); {help_text}') from error
  found = hashlib.sha256(data).hexdigest()
  if not found.startswith(checksum):
    raise UserError(f'{source} has sha256 {found}, not {checksum}...: delete '
                    f'it, or {help_text}')
  if not there:
    _cache.write(path, data)
  return path
