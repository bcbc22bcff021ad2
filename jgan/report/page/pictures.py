"""Images within a page: data URIs of limited size."""
import base64
import io

from PIL import Image

from jgan.report import grid

_LONGEST = 1200  # pixels of a side, at most
_QUALITIES = 90, 75, 60  # of lossy WebP, which is tried if lossless is too big
_DENSEST = 32  # pixels in a byte at most; of lossless WebP a quarter


def encoded(picture, most):
  """An image as a data URI of WebP with at most `most` bytes before base64.

  What does not fit losslessly is compressed more and more, and then halved.

  Args:
    picture: [h, w], [h, w, 1] or [h, w, 3] uint8.
    most: bytes, at least 100.

  Returns:
    Text.
  """
  if picture.ndim == 3 and picture.shape[2] == 1:
    picture = picture[..., 0]
  image = Image.fromarray(picture).convert('RGB')
  image.thumbnail((_LONGEST, _LONGEST), Image.Resampling.LANCZOS)
  while True:
    pixels = image.width * image.height
    attempts = [{'quality': quality} for quality in _QUALITIES]
    if pixels > _DENSEST * most:  # would not fit
      attempts = []
    elif pixels <= _DENSEST * most / 4:
      attempts.insert(0, {'lossless': True})
    for options in attempts:
      buffer = io.BytesIO()
      image.save(buffer, 'WEBP', method=4, **options)
      data = buffer.getvalue()
      if len(data) <= most:
        text = base64.b64encode(data).decode()
        return f'data:image/webp;base64,{text}'
    image = image.resize([max(side // 2, 1) for side in image.size],
                         Image.Resampling.LANCZOS)


def of_images(images, most, *, columns=0):
  """A grid of images as small as it can be: -> data URI.

  images: [n, h, w, c], in [-1, 1] or uint8.
  """
  return encoded(grid.grid(images, columns=columns, tile=1, gap=1), most)


def of_file(path, most, side=0):
  """The image in a PNG file: -> data URI, whether it is in native pixels.

  Args:
    path: of a grid of report/grid.py, or another picture.
    most: as of `encoded`.
    side: of the images in the grid, which are shown without its enlargement;
      0 if it is unknown, or no grid.

  Raises:
    OSError: it is gone, or no PNG.
  """
  picture = grid.read_png(path)
  images, columns = grid.images_of(picture, side) if side else ((), 0)
  if not len(images):
    return encoded(picture, most), False
  return of_images(images, most, columns=columns), True


def spaced(items, count):
  """At most `count` items, the first, the last and some between.

  Those between are every second, fourth, eighth ... one, so that a list that
  grows by one keeps the choice, and images need not be encoded again.
  """
  if len(items) <= count:
    return list(items)
  if count < 2:
    return [items[-1]] if count else []
  apart = 1
  while -(-len(items) // apart) > count - 1:
    apart *= 2
  chosen = items[::apart]
  return chosen if (len(items) - 1) % apart == 0 else [*chosen, items[-1]]
