"""Checks and batching of the images whose power spectra are compared."""
import numpy as np

from jgan.errors import UserError

_PIXELS = 2**22  # pixels in a batch


def batches(images):
  """Splits [n, h, w, c] into batches that are Fourier transformed at once.

  Raises:
    UserError: not images of 1 or 3 channels, or below 8 x 8 pixels.
  """
  images = np.asarray(images)
  if images.ndim != 4 or not len(images) or images.shape[3] not in (1, 3):
    raise UserError(f'no spectra of an array of shape {list(images.shape)}; '
                    '[n, h, w, c] with c of 1 or 3 would be right')
  n, height, width, _ = images.shape
  if min(height, width) < 8:
    raise UserError(f'images of {height} x {width} pixels are too small for a '
                    'spectrum; 8 x 8 or more would be right')
  size = max(1, _PIXELS // (height * width))
  return [images[i:i + size] for i in range(0, n, size)]


def require_one_size(real, fake):
  """Raises UserError if real and generated images differ in size."""
  if real.shape[1:3] != fake.shape[1:3]:
    raise UserError(f'spectra of {list(real.shape[1:3])} real and '
                    f'{list(fake.shape[1:3])} generated pixels have different '
                    'frequencies; images of the same size would be right')
