"""A source of image files that are decoded on access."""
import collections
import logging
import os
import pathlib

import numpy as np

from jgan.data import _decode
from jgan.errors import UserError

log = logging.getLogger(__name__)

SUFFIXES = ('.png', '.jpg', '.jpeg', '.jfif', '.webp', '.bmp', '.gif', '.tif',
            '.tiff')

# Images of other formats, which are left out with a warning.
_OTHERS = ('.avif', '.heic', '.heif', '.ico', '.jp2', '.jxl', '.pbm', '.pgm',
           '.ppm', '.psd', '.svg', '.tga', '.exr', '.hdr', '.dng', '.cr2')

_TRIES = 8  # images in a row that a source replaces before it gives up
_HEAD = 2**18  # bytes of a file that `raw` returns, at most


class Folder:
  """source[i] -> [size, size, channels] uint8, read from the i-th file."""

  dtype = np.dtype(np.uint8)

  def __init__(self, home, paths, size, channels, frame, *, replace_bad=False,
               **decoding):
    """Stores file names only.

    home: the folder of the set.
    paths: one file below it for each image.
    frame: (PIL image, size) -> PIL image of size x size.
    replace_bad: where a file cannot be decoded, take the next one and log a
      warning.
    decoding: arguments of _decode.flatten.
    """
    self.home, self.paths = home, paths
    self.shape = (len(paths), size, size, channels)
    self._frame, self._decoding = frame, decoding
    self._replace_bad, self._said = replace_bad, set()

  def __len__(self):
    return len(self.paths)

  def __getitem__(self, i):
    for path in (self.paths[(i + k) % len(self)] for k in range(_TRIES)):
      try:
        return self._read(path)
      except UserError as error:
        last = error
        if not self._replace_bad:
          raise
        if path not in self._said:
          self._said.add(path)
          log.warning('%s: the next image stands in for it', error)
    raise last

  def _read(self, path):
    _, size, _, channels = self.shape
    image = _decode.pixels(path, channels, size, **self._decoding)
    return np.asarray(self._frame(image, size)).reshape(self.shape[1:])

  def names(self):
    """'name size' of each file; the name is relative to the set's folder.

    Raises:
      UserError: a file is gone.
    """
    start = len(str(self.home / 'x')) - 1  # where home is '.', it is 0
    return [f'{path[start:]} {_decode.stat(path).st_size}'
            for path in map(str, self.paths)]

  def groups(self):
    """The folder of each file."""
    return [os.path.dirname(path) for path in self.paths]

  def raw(self, i):
    """The first bytes of a file, up to a quarter of a MiB."""
    try:
      with open(self.paths[i], 'rb') as file:
        return file.read(_HEAD)
    except OSError as error:
      raise UserError(
          f'cannot read {self.paths[i]}: {error.strerror}') from error


def files(folder):
  """All image files below `folder`, at any depth, sorted by path.

  Links to folders are followed, but each folder is listed once, whatever links
  lead to it; hidden files and folders are skipped. Files that are images of
  other formats, by their names, are left out with a warning.

  Raises:
    UserError: a folder cannot be listed, or there is no image file.
  """
  def refuse(error):
    raise UserError(f'cannot list {error.filename}: '
                    f'{error.strerror}') from error

  paths, seen, others = [], set(), collections.Counter()
  for parent, subfolders, names in os.walk(folder, onerror=refuse,
                                           followlinks=True):
    identity = os.stat(parent)
    if (identity.st_dev, identity.st_ino) in seen:
      subfolders.clear()  # a link leads back to it
      continue
    seen.add((identity.st_dev, identity.st_ino))
    subfolders[:] = sorted(n for n in subfolders if not n.startswith('.'))
    for name in names:
      suffix = os.path.splitext(name)[1].lower()
      if suffix in SUFFIXES and not name.startswith('.'):
        paths.append(pathlib.Path(parent, name))
      elif suffix in _OTHERS:
        others[suffix] += 1
  unread = ', '.join(f'{n:,} {suffix}' for suffix, n in sorted(others.items()))
  if not paths:
    raise UserError(f'no image file in {folder}: at any depth, '
                    f'{" ".join(SUFFIXES)} are looked for'
                    + (f'; {unread} are not read' if others else ''))
  if others:
    log.warning('left out image files of other formats than %s in %s: %s',
                ' '.join(SUFFIXES), folder, unread)
  return sorted(paths)
