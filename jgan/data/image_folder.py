"""Any folder of image files, at any depth, as square images.

PNG, JPEG, WebP, BMP, GIF and TIFF files; of several frames the first.
"""
import functools

import numpy as np

from jgan.data import _folder, _images, _official, _resize, _usable
from jgan.errors import UserError
from jgan.types import ImageSpec

_PUBLISHED = _official.Published('the images, in folders or not')


def info(*, folder='', size=64, channels=3, skip_bad=False, upscale=False,
         alpha='white', depth=16):
  """ImageSpec of the images, without their count: the files are not read."""
  del folder, skip_bad, upscale
  _usable.check(size=size, channels=channels, alpha=alpha, depth=depth)
  return ImageSpec((size, size, channels))


def holds(path):
  """Whether a path is a folder that has image files, not hidden ones."""
  return path.is_dir() and _folder.any_below(path, _images.SUFFIXES)


def load(data_dir, *, folder='', size=64, channels=3, skip_bad=False,
         upscale=False, alpha='white', depth=16):
  """Lists and checks the image files below data_dir/folder.

  The central square of an image is resized to size x size with antialiasing
  (Lanczos). Images are ordered by path. It is said if they lie in several
  folders and `folder` does not choose, or if files of 16 bits use fewer.

  folder: below data_dir; '.' is data_dir itself.
  size: side of the images; without `upscale`, a file whose shorter side is
    smaller counts as bad.
  channels: 3 for RGB, 1 for grey.
  skip_bad: decode every file now, skip the bad ones and log a warning; where
    one becomes bad later, the next one stands in for it. Otherwise only the
    headers are read now, and a bad file is an error; so is a truncated file
    when it is decoded later.
  alpha: what transparent pixels are laid on: white | black | ignore.
  depth: bits that the values of grey files of 16 bits use, 8 .. 16; the upper
    8 of them are kept.

  Returns: a source of [size, size, channels] uint8 that decodes on access.

  Raises:
    UserError: no such folder, no usable image in it, or a bad file.
  """
  info(size=size, channels=channels, alpha=alpha, depth=depth)
  base = _base(data_dir, folder)
  paths = _files(base)
  if not folder:
    _usable.warn_of_folders(base, [path.relative_to(base) for path in paths])
  good = _usable.chosen(paths, base, size, channels, skip_bad=skip_bad,
                        upscale=upscale, alpha=alpha, depth=depth)
  return _folder.Folder(
      base, good, size, channels,
      functools.partial(_resize.square, resample=_resize.LANCZOS),
      replace_bad=skip_bad, alpha=alpha, depth=depth)


def classes_in(data_dir, *, folder='', **_):
  """The names of the classes: the folders in data_dir/folder, sorted.

  Raises:
    UserError: as `load`, or an image is in none of them.
  """
  return tuple(sorted({*_classes(_base(data_dir, folder))}))


def labels(data_dir, *, folder='', skip_bad=False, **arguments):
  """The class of each image of `load`: [n] int32.

  Images below a folder of data_dir/folder, at any depth, are of its class.
  With skip_bad all files are decoded, as by `load`.

  Raises:
    UserError: as `load`, or an image is in no such folder.
  """
  base = _base(data_dir, folder)
  paths = load(data_dir, folder=folder, skip_bad=True,
               **arguments).paths if skip_bad else None
  names = sorted({*_classes(base)})
  numbers = {name: i for i, name in enumerate(names)}
  return np.array([numbers[name] for name in _classes(base, paths)], np.int32)


def _base(data_dir, folder):
  """The folder of the images, a Path."""
  base = _official.root(data_dir, _PUBLISHED) / folder
  if not base.is_dir():
    raise UserError(f'no folder {base}: data.folder is looked for in '
                    f'{data_dir}')
  return base


def _classes(base, paths=None):
  """The class of each file, by default of all image files."""
  parts = [path.relative_to(base).parts for path in paths or _files(base)]
  loose = next((part for part in parts if len(part) == 1), None)
  if loose:
    raise UserError(f'{base / loose[0]} is in no folder of {base}, and the '
                    'folders are the classes: one for each class would be '
                    'right, or --config.data.folder=NAME, which has such')
  return [part[0] for part in parts]


def _files(base):
  """The image files of a folder; without one, how to unpack its archives."""
  try:
    return _folder.files(base)
  except UserError as error:
    advice = _official.unpacking(base)
    raise UserError(f'{error}; {advice}' if advice else
                    f'{error}; see docs/data.md') from error
