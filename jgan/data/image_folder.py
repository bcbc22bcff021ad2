"""Any folder of PNG, JPEG and WebP files, at any depth, as square images."""
import functools
import logging
from concurrent import futures

from jgan.data import _decode, _folder, _official, _require, _resize
from jgan.errors import UserError
from jgan.types import ImageSpec

log = logging.getLogger(__name__)

_NAMED = 3  # maximum number of bad files that a warning names


def info(*, folder='', size=64, channels=3, skip_bad=False, upscale=False):
  """ImageSpec of the images, without their count: the files are not read."""
  del folder, skip_bad, upscale
  _require.at_least('size', size, 1)
  _require.one_of('channels', channels, _decode.MODES)
  return ImageSpec((size, size, channels))


def load(data_dir, *, folder='', size=64, channels=3, skip_bad=False,
         upscale=False):
  """Lists and checks the image files below data_dir/folder.

  The central square of an image is resized to size x size with antialiasing
  (Lanczos). Images are ordered by path.

  size: side of the images; without `upscale`, a file whose shorter side is
    smaller counts as bad.
  channels: 3 for RGB, 1 for grey.
  skip_bad: decode every file now, skip the bad ones and log a warning.
    Otherwise only the headers are read now, and a bad file is an error; so is
    a truncated file when it is decoded later.

  Returns: a source of [size, size, channels] uint8 that decodes on access.

  Raises:
    UserError: no such folder, no usable image in it, or a bad file.
  """
  info(size=size, channels=channels)
  base = _official.root(data_dir, 'the images') / folder
  if not base.is_dir():
    raise UserError(f'no folder {base}: data.folder is looked for in '
                    f'{data_dir}')
  paths = _folder.files(base)
  frame = functools.partial(_resize.square, resample=_resize.LANCZOS)

  def problem(path):
    try:
      if skip_bad:
        sides = _decode.pixels(path, channels).size
      else:
        sides = _decode.size(path)
    except _decode.BadImage as error:
      return str(error)
    if min(sides) < size and not upscale:
      return f'{path} is {sides[0]} x {sides[1]}, smaller than {size}'
    return ''

  with futures.ThreadPoolExecutor() as pool:
    problems = list(pool.map(problem, paths))
  bad = [text for text in problems if text]
  if bad:
    count = f'{len(bad)} of {len(paths)} image files'
    if not skip_bad:
      raise UserError(f'{bad[0]} ({count} in {base} cannot be used; '
                      'data.skip_bad leaves them out, data.upscale takes '
                      'small ones)')
    if len(bad) == len(paths):
      raise UserError(f'{count} in {base} cannot be used: {bad[0]}')
    ellipsis = '; ...' if len(bad) > _NAMED else ''
    log.warning('skipped %s: %s%s', count, '; '.join(bad[:_NAMED]), ellipsis)
  good = [path for path, text in zip(paths, problems) if not text]
  return _folder.Folder(good, size, channels, frame)
