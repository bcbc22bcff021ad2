"""A folder of image files that are decoded on access."""
import collections
import os
import pathlib

from jgan.data import _decode, _images
from jgan.errors import UserError


class Folder(_images.Images):
  """source[i] -> [size, size, channels] uint8, read from the i-th file."""

  def __init__(self, home, paths, size, channels, frame, **options):
    """Stores file names only.

    home: the folder of the set.
    paths: one file below it for each image.
    frame, options: as of Images.
    """
    super().__init__(paths, size, channels, frame, **options)
    self.home, self.paths = home, paths

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


def files(folder):
  """All image files below `folder`, at any depth, sorted by path.

  Links to folders are followed, but each folder is listed once, whatever links
  lead to it; hidden files and folders are skipped. Files that are images of
  other formats, by their names, are left out with a warning.

  Raises:
    UserError: a folder cannot be listed, or there is no image file.
  """
  paths, others = [], collections.Counter()
  for path, suffix in _walk(folder):
    if suffix in _images.SUFFIXES:
      paths.append(path)
    elif suffix in _images.OTHERS:
      others[suffix] += 1
  if not paths:
    _images.refuse_none(folder, others)
  _images.warn_of_others(folder, others)
  return sorted(paths)


def any_below(folder, suffixes):
  """Whether `files` would see a file with one of these suffixes.

  Raises:
    UserError: a folder cannot be listed.
  """
  return any(suffix in suffixes for _, suffix in _walk(folder))


def _walk(folder):
  """Yields each file that is not hidden, and its suffix in small letters."""
  def refuse(error):
    raise UserError(f'cannot list {error.filename}: '
                    f'{error.strerror}') from error

  seen = set()
  for parent, subfolders, names in os.walk(folder, onerror=refuse,
                                           followlinks=True):
    identity = os.stat(parent)
    if (identity.st_dev, identity.st_ino) in seen:
      subfolders.clear()  # a link leads back to it
      continue
    seen.add((identity.st_dev, identity.st_ino))
    subfolders[:] = sorted(n for n in subfolders if not n.startswith('.'))
    for name in names:
      if not name.startswith('.'):
        yield pathlib.Path(parent, name), os.path.splitext(name)[1].lower()
