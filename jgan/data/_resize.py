"""Antialiased resizing of images."""
import numpy as np
from PIL import Image

BILINEAR = Image.Resampling.BILINEAR
LANCZOS = Image.Resampling.LANCZOS


def squash(image, size, resample):
  """Resizes a PIL image to size x size, without keeping its aspect ratio."""
  return image.resize((size, size), resample)


def square(image, size, resample):
  """Resizes the central square of a PIL image to size x size.

  Up to rounding this is the same as resizing the shorter side to `size` and
  cropping the centre.
  """
  width, height = image.size
  side = min(width, height)
  left, top = (width - side) / 2, (height - side) / 2
  return image.resize((size, size), resample,
                      box=(left, top, left + side, top + side))


def resize(images, size, resample):
  """[n, h, w, c] uint8 -> [n, size, size, c]; c is 1 or 3."""
  n, height, width, channels = images.shape
  if (height, width) == (size, size):
    return images
  planes = images[..., 0] if channels == 1 else images
  small = np.stack([squash(Image.fromarray(x), size, resample)
                    for x in planes])
  return small.reshape(n, size, size, channels)
