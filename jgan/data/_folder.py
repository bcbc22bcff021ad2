"""A source of image files that are decoded on access."""
import os
import pathlib

import numpy as np

from jgan.data import _decode
from jgan.errors import UserError

SUFFIXES = ('.png', '.jpg', '.jpeg', '.webp')


class Folder:
  """source[i] -> [size, size, channels] uint8, read from the i-th file."""

  dtype = np.dtype(np.uint8)

  def __init__(self, paths, size, channels, frame):
    """Stores file names only.

    paths: one file for each image.
    frame: (PIL image, size) -> PIL image of size x size.
    """
    self.paths = paths
    self.shape = (len(paths), size, size, channels)
    self._frame = frame

  def __len__(self):
    return len(self.paths)

  def __getitem__(self, i):
    _, size, _, channels = self.shape
    image = _decode.pixels(self.paths[i], channels)
    return np.asarray(self._frame(image, size)).reshape(self.shape[1:])


def files(folder):
  """All image files below `folder`, at any depth, sorted by path.

  Links to folders are followed; hidden files and folders are skipped.

  Raises:
    UserError: a folder cannot be listed, or there is no image file.
  """
  def refuse(error):
    raise UserError(f'cannot list {error.filename}: '
                    f'{error.strerror}') from error

  paths = []
  for parent, subfolders, names in os.walk(folder, onerror=refuse,
                                           followlinks=True):
    subfolders[:] = [name for name in subfolders if not name.startswith('.')]
    paths += [pathlib.Path(parent, name) for name in names
              if not name.startswith('.')
              and name.lower().endswith(SUFFIXES)]
  if not paths:
    raise UserError(f'no image file in {folder}: at any depth, '
                    f'{" ".join(SUFFIXES)} are looked for')
  return sorted(paths)
