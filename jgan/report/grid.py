"""Sample grids: a batch of images as a single image, and PNG files."""
import math
import pathlib

import numpy as np
from PIL import Image

from jgan.errors import UserError
from jgan.files import replacing
from jgan.ops.quantize import to_uint8


def grid(images, *, columns=0, tile=64, gap=2, background=255):
  """Lays images out in rows.

  Args:
    images: [n, h, w, c] in [-1, 1] or uint8, c of 1 or 3.
    columns: images in a row; 0: an approximately square grid.
    tile: smaller images are enlarged to about this many pixels, by an integer
      factor without interpolation.
    gap: pixels between and around images.
    background: grey level of the gaps and of empty cells.

  Returns:
    [H, W, c] uint8.

  Raises:
    UserError: not a batch of images of 1 or 3 channels.
  """
  images = to_uint8(images)
  if images.ndim != 4 or not len(images) or images.shape[3] not in (1, 3):
    raise UserError(f'no grid of an array of shape {list(images.shape)}; '
                    '[n, h, w, c] with c of 1 or 3 would be right')
  factor = max(1, tile // max(images.shape[1:3]))
  images = images.repeat(factor, axis=1).repeat(factor, axis=2)
  n, h, w, c = images.shape
  columns = columns or math.ceil(math.sqrt(n))
  rows = math.ceil(n / columns)
  cells = np.full((rows * columns, h + gap, w + gap, c), background, np.uint8)
  cells[:n, gap:, gap:] = images
  cells = cells.reshape(rows, columns, h + gap, w + gap, c).swapaxes(1, 2)
  picture = cells.reshape(rows * (h + gap), columns * (w + gap), c)
  return np.pad(picture, ((0, gap), (0, gap), (0, 0)),
                constant_values=background)


def images_of(picture, side, *, tile=64, gap=2):
  """The images in a picture that `grid` made of square ones.

  Args:
    picture: [H, W, c] uint8.
    side: of one image, before it was enlarged.
    tile, gap: as of `grid`.

  Returns:
    [n, side, side, c], empty cells too, and the number of columns; (), 0 if
    the picture is no such grid.
  """
  factor = max(1, tile // side)
  cell = side * factor + gap
  (rows, no_row), (columns, no_column) = (
      divmod(length - gap, cell) for length in picture.shape[:2])
  if rows < 1 or columns < 1 or no_row or no_column:
    return (), 0
  cells = picture[gap:, gap:].reshape(rows, cell, columns, cell, -1)
  images = cells[:, :-gap:factor, :, :-gap:factor].swapaxes(1, 2).reshape(
      rows * columns, side, side, -1)
  same = np.array_equal(
      grid(images, columns=columns, tile=tile, gap=gap), picture)
  return (images, columns) if same else ((), 0)


def save_png(path, array):
  """Writes [H, W], [H, W, 1] or [H, W, 3] uint8 as a PNG, atomically.

  The folder is created if needed. The bytes depend on the array alone.
  """
  path = pathlib.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  if array.ndim == 3 and array.shape[2] == 1:
    array = array[..., 0]
  with replacing(path) as part:
    Image.fromarray(array).save(part, format='PNG')


def read_png(path):
  """The image in a PNG file: [H, W, 3] uint8."""
  with Image.open(path, formats=('PNG',)) as picture:
    return np.asarray(picture.convert('RGB'))
