"""Decodes an image file of any mode; errors name the file.

A file is a path, or Stored in another file.
"""
import contextlib
import io
import lzma
import os
import re
import stat as modes
import struct
import threading
import zipfile
import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from jgan.errors import UserError

MODES = {1: 'L', 3: 'RGB'}  # PIL's names of grey and colour, by channels
ALPHA = ('white', 'black', 'ignore')

# Pillow's reader of any other format is never called, whatever a file's name:
# that of EPS starts Ghostscript.
FORMATS = ('PNG', 'JPEG', 'WEBP', 'BMP', 'GIF', 'TIFF')

# Exceptions that the readers of images and of archives raise for malformed
# files.
_MALFORMED = (OSError, SyntaxError, ValueError, TypeError, OverflowError,
              EOFError, LookupError, struct.error, zlib.error,
              lzma.LZMAError, zipfile.BadZipFile, NotImplementedError,
              Image.DecompressionBombError)

_LARGE = 2**24  # pixels of an image that is decoded alone
_MOST = 2**27  # pixels that are decoded; a small file may say that it has more
_BYTES = 2**28  # that a stored file may unpack to
_alone = threading.Lock()


class Stored(NamedTuple):
  """An image file that is stored in another one, as in an archive.

  Attributes:
    name: for messages, also what str() gives.
    open: () -> a binary file, to read and to seek in.
    bytes: its size, as the archive says.
  """
  name: str
  open: Callable
  bytes: int

  def __str__(self):
    return self.name


class BadImage(UserError):
  """A file that is not a complete image of a usable size."""


class Unfit(ValueError):
  """An intact image that is not one to train on."""


def size(path):
  """(width, height) from the header of an image file.

  Raises:
    BadImage: the header is not that of an image, or of one that is too large.
    UserError: the file cannot be read.
  """
  def read(image):
    if image.format not in ('JPEG', 'MPO'):  # these may be decoded in part
      _refuse_huge(image)
    return image.size

  return _open(path, read, whole=False)


def pixels(path, channels, size, **options):
  """Decodes an image file to an RGB or grey PIL image, in EXIF orientation.

  A JPEG of more than 16 million pixels is decoded at a fraction of its size,
  at least twice `size`, and large images one at a time: memory is bounded.

  options: arguments of `flatten`.

  Raises:
    BadImage, UserError: as `size`; BadImage also if the file is truncated.
  """
  def decode(image):
    ImageOps.exif_transpose(image, in_place=True)
    return flatten(image, channels, **options)

  def decode_any(image):
    if image.width * image.height <= _LARGE:
      return decode(image)
    image.draft(None, (2 * size, 2 * size))
    _refuse_huge(image)
    with _alone:
      return decode(image)

  return _open(path, decode_any)


def bits(path):
  """Number of bits that the values in a file of 16 bits use; 0 for 8 bits.

  Of a colour image of 16 bits only the upper 8 are known.

  Raises:
    BadImage: values are no integers of 16 bits.
  """
  def used(image):
    if not _deep(image):
      return 0
    values = _integers(image)
    unknown = 8 if values.dtype == np.uint8 else 0
    return int(values.max()).bit_length() + unknown

  return _open(path, used)


def flatten(image, channels, *, alpha='white', depth=16):
  """Converts any PIL image to mode RGB (channels 3) or L (1).

  alpha: what transparent pixels are composited onto, 'white' or 'black';
    'ignore' takes the colours that are stored.
  depth: bits of the values in files of 16 bits; the upper 8 are kept.

  Raises:
    Unfit: values are no integers of 16 bits.
  """
  if image.mode[0] in 'IF':  # Pillow would clip it at 255
    deep = np.minimum(_integers(image) >> (depth - 8), 255)
    image = Image.fromarray(deep.astype(np.uint8))
  if image.has_transparency_data and alpha != 'ignore':
    image = image.convert('RGBA')
    ground = Image.new('RGBA', image.size, alpha)
    image = Image.alpha_composite(ground, image).convert('RGB')
  return image.convert(MODES[channels])


def _integers(image):
  """The values of an image; raises Unfit for other than 16 bits can have."""
  values = np.asarray(image)
  if image.mode == 'F' or values.min() < 0 or values.max() >= 2**16:
    raise Unfit(f'its values, of mode {image.mode}, are not integers of 16 '
                'bits or fewer')
  return values


def stat(path):
  """Status of a regular file, which a link may lead to.

  Raises:
    BadImage: it is a pipe or another special file, or the link's end is gone.
    UserError: there is no such file.
  """
  try:
    status = os.stat(path)
  except OSError as error:
    if os.path.islink(path):
      raise BadImage(f'{path} is a link to {os.readlink(path)}, which cannot '
                     f'be read: {error.strerror}') from error
    raise UserError(f'cannot read {path}: {error.strerror}') from error
  if not modes.S_ISREG(status.st_mode):
    raise BadImage(f'{path} is not a regular file')
  return status


def _refuse_huge(image):
  if image.width * image.height > _MOST:
    raise Unfit(f'it has {image.width:,} x {image.height:,} pixels, more than '
                f'{_MOST:,}; make it smaller')


def _deep(image):
  """Whether the values of an opened image are of more than 8 bits."""
  raw = [tile[3] for tile in image.tile]  # a raw mode, or it and other things
  return image.mode[0] in 'IF' or any(
      ';16' in str(x[0] if isinstance(x, tuple) and x else x) for x in raw)


def head(path, most):
  """The first bytes of a file, at most so many.

  Raises:
    BadImage, UserError: as `size`.
  """
  try:
    with _opened(path) as file:
      return file.read(most)
  except _MALFORMED as error:
    raise _explained(path, error) from error


def _open(path, use, *, whole=True):
  """use(image) of a file.

  whole: read a stored file to its end first, which checks its sum.
  """
  if not isinstance(path, Stored):
    stat(path)  # to open a pipe would wait for ever
  try:
    with contextlib.ExitStack() as stack:
      file = path
      if isinstance(path, Stored):
        file = stack.enter_context(_opened(path))
        file = io.BytesIO(file.read()) if whole else file
      return use(stack.enter_context(Image.open(file, formats=FORMATS)))
  except _MALFORMED as error:
    raise _explained(path, error) from error


def _opened(path):
  """A binary file to read from."""
  if not isinstance(path, Stored):
    return open(path, 'rb')
  if path.bytes > _BYTES:
    raise Unfit(f'it would unpack to {path.bytes:,} bytes, more than '
                f'{_BYTES:,}')
  return path.open()


def _explained(path, error):
  """The UserError for what Pillow, or the reader of an archive, raised."""
  # Errors of the operating system have an errno, Pillow's own do not.
  if getattr(error, 'errno', None) is not None:
    return UserError(f'cannot read {path}: {error.strerror}')
  problem = ('cannot be used' if isinstance(error, Unfit)
             else 'is not a whole image')
  reason = str(error).replace(f' {str(path)!r}', '')
  return BadImage(f'{path} {problem}: {re.sub(" <.*>$", "", reason)}')
