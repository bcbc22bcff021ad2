"""CelebA (Liu et al., 2015): 202,599 aligned faces of 178 x 218."""
import functools

from jgan.data import _folder, _official, _require, _resize
from jgan.errors import UserError
from jgan.types import ImageSpec

_FOLDER = 'img_align_celeba'
_PUBLISHED = _official.Published(
    f'{_FOLDER}/000001.jpg ... 202599.jpg',
    'https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html (aligned and cropped)',
    '*celeba*')
_TOTAL = 202599

# The official partition: ranges of file numbers.
_SPLITS = {'all': (0, 202599), 'train': (0, 162770),
           'valid': (162770, 182637), 'test': (182637, 202599)}

_FRAMES = {'squash': _resize.squash, 'crop': _resize.square}


def info(*, split='all', size=128, frame='squash'):
  """ImageSpec of the set.

  frame: 'squash' resizes the whole 178 x 218 image without keeping its aspect
    ratio; 'crop' resizes its central 178 x 178 square.
  """
  _require.one_of('split', split, _SPLITS)
  _require.one_of('frame', frame, _FRAMES)
  _require.at_least('size', size, 1)
  first, last = _SPLITS[split]
  return ImageSpec((size, size, 3), last - first)


def load(data_dir, *, split='all', size=128, frame='squash'):
  """Lists the JPEG files of a split; they are decoded on access.

  data_dir: contains img_align_celeba, or is that folder; the images may lie
    in a second folder of this name inside it.

  Returns: a source of [size, size, 3] uint8, resampled bilinearly with
    antialiasing.

  Raises:
    UserError: no such folder, or a wrong number of files.
  """
  info(split=split, size=size, frame=frame)
  base = _official.root(data_dir, _PUBLISHED)
  home = _official.find(base, [_FOLDER, f'{_FOLDER}/{_FOLDER}',
                               f'celeba/{_FOLDER}'], '000001.jpg')
  if not home:
    raise _official.missing(base, ['000001.jpg'], _PUBLISHED)
  paths = _folder.files(home)
  if len(paths) != _TOTAL:
    raise UserError(f'{home} has {len(paths)} images, expected {_TOTAL}; '
                    'unpack the archive again')
  return _folder.Folder(
      home, paths[slice(*_SPLITS[split])], size, 3,
      functools.partial(_FRAMES[frame], resample=_resize.BILINEAR))
