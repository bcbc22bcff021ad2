"""1,797 handwritten digits of 8 x 8 (Alpaydin and Kaynak, 1998).

They come with scikit-learn, so nothing is downloaded.
"""
import numpy as np

from jgan.data import _require, _resize
from jgan.types import ImageSpec


def info(*, size=16):
  """ImageSpec of the set, enlarged from 8 x 8 (bilinearly)."""
  _require.at_least('size', size, 8)
  return ImageSpec((size, size, 1), 1797)


def classes(*, size=16):
  """The names of the classes: the digits."""
  del size
  return tuple('0123456789')


def load(data_dir, *, size=16):
  """Returns [1797, size, size, 1] uint8; `data_dir` is not used."""
  del data_dir
  info(size=size)
  from sklearn import datasets
  digits = datasets.load_digits().images  # [n, 8, 8] in 0 .. 16
  images = np.round(digits * (255 / 16)).astype(np.uint8)[..., None]
  return _resize.resize(images, size, _resize.BILINEAR)


def labels(data_dir, *, size=16):
  """The digit in each image: [1797] int32 in 0 .. 9."""
  del data_dir, size
  from sklearn import datasets
  return datasets.load_digits().target.astype(np.int32)
