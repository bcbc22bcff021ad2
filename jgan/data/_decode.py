"""Decodes an image file of any mode; errors name the file."""
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

from jgan.errors import UserError

MODES = {1: 'L', 3: 'RGB'}  # PIL's names of grey and colour, by channels

# Exceptions that Pillow's readers raise for malformed files.
_MALFORMED = (OSError, SyntaxError, ValueError, EOFError, IndexError,
              struct.error, zlib.error, Image.DecompressionBombError)


class BadImage(UserError):
  """A file that is not a complete image of a usable size."""


def size(path):
  """(width, height) from the header of an image file.

  Raises:
    BadImage: the header is not that of an image.
    UserError: the file cannot be read.
  """
  return _open(path, lambda image: image.size)


def pixels(path, channels):
  """Decodes an image file to an RGB or grey PIL image, in EXIF orientation.

  Raises:
    BadImage, UserError: as `size`; BadImage also if the file is truncated.
  """
  return _open(path, lambda image: flatten(ImageOps.exif_transpose(image),
                                           channels))


def flatten(image, channels):
  """Converts any PIL image to mode RGB (channels 3) or L (1).

  Images are composited onto white; 16-bit values keep their upper 8 bits.
  """
  if image.mode.startswith('I'):  # 16-bit grey; Pillow would clip it at 255
    deep = np.asarray(image, np.uint32)
    image = Image.fromarray((deep >> 8).astype(np.uint8))
  if image.has_transparency_data:
    image = image.convert('RGBA')
    white = Image.new('RGBA', image.size, 'white')
    image = Image.alpha_composite(white, image).convert('RGB')
  return image.convert(MODES[channels])


def _open(path, use):
  try:
    with Image.open(path) as image:
      return use(image)
  except _MALFORMED as error:
    # Errors of the operating system have an errno, Pillow's own do not.
    if getattr(error, 'errno', None) is not None:
      raise UserError(f'cannot read {path}: {error.strerror}') from error
    reason = str(error).replace(f' {str(path)!r}', '')
    raise BadImage(f'{path} is not a whole image: {reason}') from error
