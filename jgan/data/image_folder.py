"""Any folder of image files, at any depth, as square images.

PNG, JPEG, WebP, BMP, GIF and TIFF files; of several frames the first.
"""
import functools

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
  data = _official.root(data_dir, _PUBLISHED)
  base = data / folder
  if not base.is_dir():
    raise UserError(f'no folder {base}: data.folder is looked for in '
                    f'{data_dir}')
  paths = _files(base)
  if not folder:
    _usable.warn_of_folders(base, [path.relative_to(base) for path in paths])
  good = _usable.chosen(paths, base, size, channels, skip_bad=skip_bad,
                        upscale=upscale, alpha=alpha, depth=depth)
  return _folder.Folder(
      base, good, size, channels,
      functools.partial(_resize.square, resample=_resize.LANCZOS),
      replace_bad=skip_bad, alpha=alpha, depth=depth)


def _files(base):
  """The image files of a folder; without one, how to unpack its archives."""
  try:
    return _folder.files(base)
  except UserError as error:
    advice = _official.unpacking(base)
    raise UserError(f'{error}; {advice}' if advice else
                    f'{error}; see docs/data.md') from error
