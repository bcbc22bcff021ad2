"""A source of image files that are decoded on access."""
import logging

import numpy as np

from jgan.data import _decode
from jgan.errors import UserError

log = logging.getLogger(__name__)

SUFFIXES = ('.png', '.jpg', '.jpeg', '.jfif', '.webp', '.bmp', '.gif', '.tif',
            '.tiff')

# Images of other formats, which are left out with a warning.
OTHERS = ('.avif', '.heic', '.heif', '.ico', '.jp2', '.jxl', '.pbm', '.pgm',
          '.ppm', '.psd', '.svg', '.tga', '.exr', '.hdr', '.dng', '.cr2')

_TRIES = 8  # images in a row that a source replaces before it gives up
_HEAD = 2**18  # bytes of a file that `raw` returns, at most


class Images:
  """source[i] -> [size, size, channels] uint8, read from the i-th file."""

  dtype = np.dtype(np.uint8)

  def __init__(self, files, size, channels, frame, *, replace_bad=False,
               **decoding):
    """Opens nothing.

    files: one for each image, as _decode takes them.
    frame: (PIL image, size) -> PIL image of size x size.
    replace_bad: where a file cannot be decoded, take the next one and log a
      warning.
    decoding: arguments of _decode.flatten.
    """
    self.files = files
    self.shape = (len(files), size, size, channels)
    self._frame, self._decoding = frame, decoding
    self._replace_bad, self._said = replace_bad, set()

  def __len__(self):
    return len(self.files)

  def __getitem__(self, i):
    for k in range(_TRIES):
      index = (i + k) % len(self)
      try:
        return self._read(self.files[index])
      except UserError as error:
        last = error
        if not self._replace_bad:
          raise
        if index not in self._said:
          self._said.add(index)
          log.warning('%s: the next image stands in for it', error)
    raise last

  def _read(self, file):
    _, size, _, channels = self.shape
    image = _decode.pixels(file, channels, size, **self._decoding)
    return np.asarray(self._frame(image, size)).reshape(self.shape[1:])

  def raw(self, i):
    """The first bytes of a file, up to a quarter of a MiB."""
    return _decode.head(self.files[i], _HEAD)


def unread(others):
  """Says how many images of other formats there are: '2 .heic, 1 .svg'.

  others: {suffix: number}.
  """
  return ', '.join(f'{n:,} {suffix}' for suffix, n in sorted(others.items()))


def refuse_none(where, others):
  """Raises the UserError of a place without image files.

  others: as of `unread`.
  """
  raise UserError(f'no image file in {where}: at any depth, '
                  f'{" ".join(SUFFIXES)} are looked for'
                  + (f'; {unread(others)} are not read' if others else ''))


def warn_of_others(where, others):
  """Warns of images of other formats, which are left out."""
  if others:
    log.warning('left out image files of other formats than %s in %s: %s',
                ' '.join(SUFFIXES), where, unread(others))
