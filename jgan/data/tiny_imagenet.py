"""Tiny ImageNet (Le and Yang, 2015): 100,000 images of 64 x 64, 200 classes."""
import functools

import numpy as np

from jgan.data import _folder, _official, _require, _resize
from jgan.errors import UserError
from jgan.types import ImageSpec

_FOLDER = 'tiny-imagenet-200'
_PUBLISHED = _official.Published(
    f'{_FOLDER}/ with wnids.txt, train/, val/ and test/',
    'http://cs231n.stanford.edu/tiny-imagenet-200.zip', f'{_FOLDER}*')
_COUNTS = {'train': 100000, 'val': 10000, 'test': 10000}


def info(*, split='train', size=64):
  """ImageSpec of the set; other sizes than 64 are resampled (Lanczos)."""
  _require.one_of('split', split, _COUNTS)
  _require.at_least('size', size, 1)
  return ImageSpec((size, size, 3), _COUNTS[split])


def load(data_dir, *, split='train', size=64):
  """Lists the JPEG files of a split; they are decoded on access.

  data_dir: contains the unpacked tiny-imagenet-200, or is that folder.

  Returns: a source of [size, size, 3] uint8; grey images are converted to RGB.

  Raises:
    UserError: no such folder, or a wrong number of files.
  """
  spec, home = info(split=split, size=size), _home(data_dir)
  paths = _folder.files(home / split)
  if len(paths) != spec.count:
    raise UserError(f'{home / split} has {len(paths)} images, expected '
                    f'{spec.count}; unpack the archive again')
  frame = functools.partial(_resize.square, resample=_resize.LANCZOS)
  return _folder.Folder(home / split, paths, size, 3, frame)


def classes_in(data_dir, *, split='train', size=64):
  """The WordNet numbers of the classes, sorted: 'n01443537', ...

  Raises:
    UserError: as `load`.
  """
  del split, size
  return tuple(sorted((_home(data_dir) / 'wnids.txt').read_text().split()))


def labels(data_dir, *, split='train', size=64):
  """The class of each image of `load`: [n] int32 in 0 .. 199.

  Raises:
    UserError: as `load`; the split 'test', whose classes are not published; or
      an image has no class.
  """
  names = {name: i for i, name in enumerate(classes_in(data_dir))}
  paths = load(data_dir, split=split, size=size).paths
  if split == 'test':
    raise UserError("the split 'test' of tiny_imagenet has no labels: "
                    '--config.data.split=train or val has some')
  # train/n01443537/images/n01443537_0.JPEG
  words = {path.name: path.name.split('_')[0] for path in paths}
  if split == 'val':
    lines = (_home(data_dir) / split / 'val_annotations.txt').read_text()
    words = {name: word for name, word, *_ in (
        f'{line}\t\t'.split('\t') for line in lines.splitlines())}
  for path in paths:
    if words.get(path.name) not in names:
      raise UserError(f'{path} is of no class in wnids.txt: unpack the archive '
                      'again')
  return np.array([names[words[path.name]] for path in paths], np.int32)


def _home(data_dir):
  """The folder of the set."""
  base = _official.root(data_dir, _PUBLISHED)
  home = _official.find(base, [_FOLDER, f'{_FOLDER}/{_FOLDER}'], 'wnids.txt')
  if not home:
    raise _official.missing(base, ['wnids.txt'], _PUBLISHED)
  return home
