"""Cached files: written atomically, and computed anew if they are damaged."""
import io
import logging

import numpy as np

from jgan import arrays
from jgan.errors import UserError
from jgan.files import replacing

log = logging.getLogger(__name__)


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


def write_arrays(path, named):
  """Writes {name: array} to an .npz file; warns where that is impossible."""
  data = io.BytesIO()
  np.savez(data, **named)
  try:
    write(path, data.getvalue())
  except UserError as error:
    log.warning('%s: it will be computed again', error)


def read_arrays(path, shapes):
  """{name: array} of an .npz file, or None: there is none, or it is damaged.

  A damaged one is said.

  shapes: {name: shape} of what was written.
  """
  if not path.is_file():
    return None
  try:
    named = arrays.read(path)
  except UserError as error:
    log.warning('%s: it is computed anew', error)
    return None
  if {name: x.shape for name, x in named.items()} != shapes:
    log.warning('%s holds other arrays than were written: it is computed anew',
                path)
    return None
  return named
