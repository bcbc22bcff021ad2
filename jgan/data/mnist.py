"""MNIST (LeCun et al., 1998): 60,000 + 10,000 grey images of 28 x 28."""
import gzip
import zlib

import numpy as np

from jgan.data import _official, _require, _resize
from jgan.errors import UserError
from jgan.types import ImageSpec

_COUNTS = {'train': 60000, 'test': 10000}
_PUBLISHED = _official.Published(
    'the IDX files *-idx?-ubyte[.gz], or mnist/ or MNIST/raw/ with them',
    'https://ossci-datasets.s3.amazonaws.com/mnist/', '*mnist*')

# MD5 checksums of the files after decompression.
_FILES = {
    'train': ('train-images-idx3-ubyte', '6bbc9ace898e44ae57da46a324031adb'),
    'test': ('t10k-images-idx3-ubyte', '2646ac647ad5339dbf082846283269ea'),
}
_LABELS = {
    'train': ('train-labels-idx1-ubyte', 'a25bea736e30d166cdddb491f175f624'),
    'test': ('t10k-labels-idx1-ubyte', '27ae3e4e09519cfbb04c329615203637'),
}


def info(*, split='train', size=28):
  """ImageSpec of the set; other sizes than 28 are resampled (Lanczos)."""
  _require.one_of('split', split, _COUNTS)
  _require.at_least('size', size, 1)
  return ImageSpec((size, size, 1), _COUNTS[split])


def classes(*, split='train', size=28):
  """The names of the classes: the digits."""
  del split, size
  return tuple('0123456789')


def load(data_dir, *, split='train', size=28):
  """Reads the official IDX file of a split.

  data_dir: contains the files, plain or gzipped, or mnist/ or MNIST/raw/ with
    them; names as train-images.idx3-ubyte, and each file in a folder of its
    own name, are read too.

  Returns: [n, size, size, 1] uint8.

  Raises:
    UserError: no such file, or not the official one.
  """
  info(split=split, size=size)
  # 16 bytes of header: a magic number, n, rows, columns.
  images = np.frombuffer(_find(data_dir, *_FILES[split]), np.uint8, offset=16)
  return _resize.resize(images.reshape(-1, 28, 28, 1), size, _resize.LANCZOS)


def labels(data_dir, *, split='train', size=28):
  """The digit in each image of `load`: [n] int32 in 0 .. 9.

  Raises:
    UserError: no such file, or not the official one.
  """
  info(split=split, size=size)
  # 8 bytes of header: a magic number, n.
  data = _find(data_dir, *_LABELS[split])
  return np.frombuffer(data, np.uint8, offset=8).astype(np.int32)


def _find(data_dir, name, checksum):
  """The unpacked bytes of the IDX file `name`, plain or gzipped."""
  base = _official.root(data_dir, _PUBLISHED)
  names = name, name.replace('-idx', '.idx')
  folders = [f'{top}{own}' for top in ('', 'mnist/', 'MNIST/raw/')
             for own in ('', *names)]
  for file in (f'{spelled}{packed}' for spelled in names
               for packed in ('', '.gz')):
    home = _official.find(base, folders, file)
    if home:
      return _idx(home / file, checksum)
  raise _official.missing(base, [*names, f'{name}.gz'], _PUBLISHED)


def _idx(path, checksum):
  """The unpacked bytes of one IDX file, checked."""
  try:
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == '.gz' else data
  except (OSError, EOFError, zlib.error) as error:
    raise UserError(f'cannot read {path}: {error}') from error
  _official.verify(path, data, checksum)
  return data
