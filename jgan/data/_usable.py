"""Which of some image files can be used; what is odd about them is said."""
import collections
import logging
from concurrent import futures

from jgan.data import _decode, _require
from jgan.errors import UserError

log = logging.getLogger(__name__)

_NAMED = 3  # maximum number of bad files or of folders that a warning names
_LOOKED_AT = 16  # files whose depth is looked at, at least


def check(*, size, channels, alpha, depth):
  """Checks the arguments that all sources of image files have.

  Raises:
    UserError: one is impossible.
  """
  _require.at_least('size', size, 1)
  _require.one_of('channels', channels, _decode.MODES)
  _require.one_of('alpha', alpha, _decode.ALPHA)
  _require.one_of('depth', depth, range(8, 17))


def chosen(files, where, size, channels, *, skip_bad, upscale, alpha, depth):
  """The files that can be used, in their order.

  Args:
    files: as _decode takes them.
    where: what they are in, for messages.
    size, channels, skip_bad, upscale, alpha, depth: as of image_folder.load.

  Raises:
    UserError: there is none, none can be used, or without `skip_bad` one
      cannot.
  """
  if not files:
    raise UserError(f'{where} has no images: one or more would be right')
  if skip_bad:
    log.info('data: decoding %s files to find bad ones', f'{len(files):,}')

  def problem(file):
    try:
      width, height = _decode.size(file)
      if skip_bad:
        _decode.pixels(file, channels, size, alpha=alpha, depth=depth)
    except _decode.BadImage as error:
      return str(error)
    if min(width, height) < size and not upscale:
      return f'{file} is {width} x {height}, smaller than {size}'
    return ''

  with futures.ThreadPoolExecutor() as pool:
    problems = list(pool.map(problem, files))
  bad = [text for text in problems if text]
  if bad:
    _refuse_or_warn(where, bad, len(files), skip_bad)
  good = [file for file, text in zip(files, problems) if not text]
  _warn_of_depth(where, good, depth)
  return good


def _refuse_or_warn(where, bad, total, skip_bad):
  """Says how many files are bad, and of some why."""
  count = f'{len(bad)} of {total} image files'
  if not skip_bad:
    raise UserError(f'{bad[0]} ({count} in {where} cannot be used; '
                    'data.skip_bad leaves them out, data.upscale takes '
                    'small ones)')
  if len(bad) == total:
    raise UserError(f'{count} in {where} cannot be used: {bad[0]}; '
                    '--config.data.upscale=True takes small ones')
  log.warning('skipped %s: %s', count, _some(bad, '; '))


def warn_of_folders(where, paths):
  """Warns if images lie in several folders, which may be several data sets.

  Folders with numbers for names are parts of one.

  paths: of the files below `where`, pure paths.
  """
  counts = collections.Counter(
      path.parts[0] if len(path.parts) > 1 else '.' for path in paths)
  if len(counts) > 1 and not all(name.isdecimal() for name in counts):
    log.warning(
        '%s has images in %d folders (%s), which are taken as one data set of '
        '%s: --config.data.folder=NAME takes one of them, '
        '--config.data.folder=. says that they belong together', where,
        len(counts), _some([f'{name}: {n:,}' for name, n in
                            sorted(counts.items())], ', '), f'{len(paths):,}')


def _warn_of_depth(where, files, depth):
  """Warns if files of 16 bits use other than `depth` bits."""
  used = max(map(_decode.bits, files[::max(1, len(files) // _LOOKED_AT)]))
  if used not in (0, depth):
    log.warning(
        'files of 16 bits in %s use %d bits, not %d: their images are %s; '
        '--config.data.depth=%d scales those that are grey, colours are to be '
        'converted to 8 bits before', where, used, depth,
        'dark' if used < depth else 'cut off at white', max(used, 8))


def _some(texts, separator):
  """The first few of some texts."""
  ellipsis = f'{separator}...' if len(texts) > _NAMED else ''
  return separator.join(texts[:_NAMED]) + ellipsis
