"""STL-10 (Coates et al., 2011): 105,000 training images of 96 x 96.

Generators are trained on the 5,000 labelled and the 100,000 unlabelled
images together, at 48 x 48.
"""
import numpy as np
from PIL import Image

from jgan.data import _official, _require, _resize
from jgan.errors import UserError
from jgan.types import ImageSpec

_FOLDER = 'stl10_binary'
_PUBLISHED = _official.Published(
    f'{_FOLDER}/ with train_X.bin, unlabeled_X.bin and test_X.bin',
    'https://cs.stanford.edu/~acoates/stl10/', f'{_FOLDER}*')
_COUNTS = {'train+unlabeled': 105000, 'train': 5000, 'unlabeled': 100000,
           'test': 8000}
_MD5 = {
    'train': '918c2871b30a85fa023e0c44e0bee87f',
    'unlabeled': '5242ba1fed5e4be9e1e742405eb56ca4',
    'test': '7f263ba9f9e0b06b93213547f721ac82',
}
_LABELS = {
    'train': ('train_y.bin', '5a34089d4802c674881badbb80307741'),
    'test': ('test_y.bin', '36f9794fa4beb8a2c72628de14fa638e'),
}


def info(*, split='train+unlabeled', size=48):
  """ImageSpec of the set; 96 is the native size."""
  _require.one_of('split', split, _COUNTS)
  _require.at_least('size', size, 1)
  return ImageSpec((size, size, 3), _COUNTS[split])


def classes(*, split='train+unlabeled', size=48):
  """The names of the classes, in the order of the labels.

  Raises:
    UserError: the split has images without labels.
  """
  del size
  if split not in _LABELS:
    raise UserError(f"the split '{split}' of stl10 has images without labels: "
                    f'--config.data.split={" or ".join(_LABELS)} has some')
  return ('airplane', 'bird', 'car', 'cat', 'deer', 'dog', 'horse', 'monkey',
          'ship', 'truck')


def labels(data_dir, *, split='train+unlabeled', size=48):
  """The class of each image of `load`: [n] int32 in 0 .. 9.

  Raises:
    UserError: images without labels, no file, or not the official one.
  """
  classes(split=split, size=size)
  base, (name, checksum) = _official.root(data_dir, _PUBLISHED), _LABELS[split]
  home = _official.find(base, [_FOLDER, f'{_FOLDER}/{_FOLDER}'], name)
  if not home:
    raise _official.missing(base, [name], _PUBLISHED)
  data = _official.read(home / name, checksum)
  return np.frombuffer(data, np.uint8).astype(np.int32) - 1  # they are from 1


def load(data_dir, *, split='train+unlabeled', size=48):
  """Opens and verifies the official binary files; images are read on access.

  data_dir: contains stl10_binary, or is that folder.

  Returns: a source of [size, size, 3] uint8, resampled bilinearly with
    antialiasing, like the images of the published statistics of this set.

  Raises:
    UserError: a file is missing or not the official one.
  """
  info(split=split, size=size)
  base = _official.root(data_dir, _PUBLISHED)
  parts = []
  for part in split.split('+'):
    name = f'{part}_X.bin'
    home = _official.find(base, [_FOLDER, f'{_FOLDER}/{_FOLDER}'], name)
    if not home:
      raise _official.missing(base, [name], _PUBLISHED)
    images = np.memmap(home / name, np.uint8, 'r')
    _official.verify(home / name, images, _MD5[part])
    parts.append(images.reshape(-1, 3, 96, 96))
  return _Planes(parts, size)


class _Planes:
  """source[i] of files with column-major images of 3 planes."""

  dtype = np.dtype(np.uint8)

  def __init__(self, parts, size):
    self._parts = parts
    self.shape = (sum(map(len, parts)), size, size, 3)

  def __len__(self):
    return self.shape[0]

  def __getitem__(self, i):
    image = Image.fromarray(np.ascontiguousarray(self._planes(i).T))
    return np.asarray(_resize.squash(image, self.shape[1], _resize.BILINEAR))

  def groups(self):
    """The number of the file of each image."""
    return [k for k, part in enumerate(self._parts) for _ in range(len(part))]

  def raw(self, i):
    """The bytes of an image."""
    return self._planes(i).tobytes()

  def _planes(self, i):
    """Image i as it is stored: [3, 96, 96], columns before rows."""
    for part in self._parts:
      if i < len(part):
        return part[i]
      i -= len(part)
    raise IndexError(i)
