"""Authenticity of samples by their pixels: which are no copies of photos.

That of metrics/memorisation.py (Alaa et al., 2022, arXiv:2102.08921), with
images of 16 x 16 in the place of features: it needs no network. Near copies
are found; the same subject elsewhere in the image is not.
"""
import numpy as np

from jgan.metrics import _samples, memorisation

_SIDE = 16

NEEDS = ('images',)
REFERENCE = True
BETTER = {'authentic': 'higher'}


def score(real, fake):
  """Fraction of 'authentic' images, in [0, 1]; 0 for the training set itself.

  Raises:
    UserError: fewer than 2 real or generated images.
  """
  return memorisation.score(*(
      _samples.Samples(x.count, features=small(x.images))
      for x in (real, fake)))


def small(images):
  """Averages over squares, to at most 16 x 16: [n, h, w, c] -> [n, d].

  Rows and columns that fill no square are left out.
  """
  n, height, width, channels = images.shape
  h, w = (max(1, side // _SIDE) for side in (height, width))
  rows, columns = height // h, width // w
  out = np.empty((n, rows, columns, channels), np.float32)
  for i, image in enumerate(images):  # of floats only one at a time
    squares = np.float32(image[:rows * h, :columns * w]).reshape(
        rows, h, columns, w, channels)
    out[i] = squares.mean((1, 3))
  return out.reshape(n, -1)
