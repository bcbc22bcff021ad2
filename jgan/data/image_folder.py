"""Any folder of image files, at any depth, as square images.

PNG, JPEG, WebP, BMP, GIF and TIFF files; of several frames the first.
"""
import collections
import functools
import logging
from concurrent import futures

from jgan.data import _decode, _folder, _official, _require, _resize
from jgan.errors import UserError
from jgan.types import ImageSpec

log = logging.getLogger(__name__)

_PUBLISHED = _official.Published('the images, in folders or not')
_NAMED = 3  # maximum number of bad files or of folders that a warning names
_LOOKED_AT = 16  # files whose depth is looked at, at least


def info(*, folder='', size=64, channels=3, skip_bad=False, upscale=False,
         alpha='white', depth=16):
  """ImageSpec of the images, without their count: the files are not read."""
  del folder, skip_bad, upscale
  _require.at_least('size', size, 1)
  _require.one_of('channels', channels, _decode.MODES)
  _require.one_of('alpha', alpha, _decode.ALPHA)
  _require.one_of('depth', depth, range(8, 17))
  return ImageSpec((size, size, channels))


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
    _warn_of_folders(base, paths)
  if skip_bad:
    log.info('data: decoding %s files to find bad ones', f'{len(paths):,}')
  decoding = {'alpha': alpha, 'depth': depth}

  def problem(path):
    try:
      width, height = _decode.size(path)
      if skip_bad:
        _decode.pixels(path, channels, size, **decoding)
    except _decode.BadImage as error:
      return str(error)
    if min(width, height) < size and not upscale:
      return f'{path} is {width} x {height}, smaller than {size}'
    return ''

  with futures.ThreadPoolExecutor() as pool:
    problems = list(pool.map(problem, paths))
  bad = [text for text in problems if text]
  if bad:
    _refuse_or_warn(base, bad, len(paths), skip_bad)
  good = [path for path, text in zip(paths, problems) if not text]
  _warn_of_depth(base, good, depth)
  return _folder.Folder(
      base, good, size, channels,
      functools.partial(_resize.square, resample=_resize.LANCZOS),
      replace_bad=skip_bad, **decoding)


def _files(base):
  """The image files of a folder; without one, how to unpack its archives."""
  try:
    return _folder.files(base)
  except UserError as error:
    advice = _official.unpacking(base)
    raise UserError(f'{error}; {advice}' if advice else
                    f'{error}; see docs/data.md') from error


def _refuse_or_warn(base, bad, total, skip_bad):
  """Says how many files are bad, and of some why."""
  count = f'{len(bad)} of {total} image files'
  if not skip_bad:
    raise UserError(f'{bad[0]} ({count} in {base} cannot be used; '
                    'data.skip_bad leaves them out, data.upscale takes '
                    'small ones)')
  if len(bad) == total:
    raise UserError(f'{count} in {base} cannot be used: {bad[0]}')
  log.warning('skipped %s: %s', count, _some(bad, '; '))


def _warn_of_folders(base, paths):
  """Warns if images lie in several folders, which may be several data sets.

  Folders with numbers for names are parts of one.
  """
  counts = collections.Counter(
      parts[0] if len(parts) > 1 else '.'
      for parts in (path.relative_to(base).parts for path in paths))
  if len(counts) > 1 and not all(name.isdecimal() for name in counts):
    log.warning(
        '%s has images in %d folders (%s), which are taken as one data set of '
        '%s: --config.data.folder=NAME takes one of them, '
        '--config.data.folder=. says that they belong together', base,
        len(counts), _some([f'{name}: {n:,}' for name, n in
                            sorted(counts.items())], ', '), f'{len(paths):,}')


def _warn_of_depth(base, paths, depth):
  """Warns if files of 16 bits use other than `depth` bits."""
  used = max(map(_decode.bits, paths[::max(1, len(paths) // _LOOKED_AT)]))
  if used not in (0, depth):
    log.warning(
        'files of 16 bits in %s use %d bits, not %d: their images are %s; '
        '--config.data.depth=%d scales those that are grey, colours are to be '
        'converted to 8 bits before', base, used, depth,
        'dark' if used < depth else 'cut off at white', max(used, 8))


def _some(texts, separator):
  """The first few of some texts."""
  ellipsis = f'{separator}...' if len(texts) > _NAMED else ''
  return separator.join(texts[:_NAMED]) + ellipsis
