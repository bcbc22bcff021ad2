"""One image file to pixels, whatever its mode, or an error that names it."""
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

from jgan.errors import UserError

MODES = {1: 'L', 3: 'RGB'}  # PIL's names of grey and colour, by channels

# What Pillow's readers raise when a file's bytes make no sense to them.
_MALFORMED = (OSError, SyntaxError, ValueError, EOFError, IndexError,
              struct.error, zlib.error, Image.DecompressionBombError)


class BadImage(UserError):
  """A file that is no whole image of a usable size."""


def size(path):
  """(width, height) from the header of an image file.

  Raises:
    BadImage: the header is not that of an image.
    UserError: the disk would not give the file.
  """
  return _open(path, lambda image: image.size)


def pixels(path, channels):
  """Decodes a whole image file, upright, to a PIL image in RGB or grey.

  Raises: as `size`, and BadImage where the pixels end too early.
  """
  return _open(path, lambda image: flatten(ImageOps.exif_transpose(image),
                                           channels))


def flatten(image, channels):
  """Any PIL image -> mode RGB (channels 3) or L (1).

  Transparent pixels become white, as a page would show them; 16 bits keep
  their upper 8.
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
    # The system's errors carry a number, Pillow's own do not.
    if getattr(error, 'errno', None) is not None:
      raise UserError(f'cannot read {path}: {error.strerror}') from error
    reason = str(error).replace(f' {str(path)!r}', '')
    raise BadImage(f'{path} is not a whole image: {reason}') from error
