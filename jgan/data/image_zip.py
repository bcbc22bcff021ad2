"""Photos in a zip file, read where they lie; also StyleGAN's dataset.zip.

Nothing is unpacked to a disk.
"""
import collections
import functools
import json
import pathlib
import zipfile
import zlib

import numpy as np

from jgan.data import _decode, _images, _official, _resize, _usable
from jgan.errors import UserError
from jgan.types import ImageSpec

_PUBLISHED = _official.Published('a zip file of images')
_LABELS = 'dataset.json'  # of StyleGAN2-ADA's dataset_tool.py
_MOST_JSON = 2**28  # bytes of it
_ENCRYPTED = 0x41  # bits of ZipInfo.flag_bits
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2,
            zipfile.ZIP_LZMA)


def info(*, file='', folder='', size=64, channels=3, skip_bad=False,
         upscale=False, alpha='white', depth=16):
  """ImageSpec of the images, without their count: the file is not read."""
  del file, folder, skip_bad, upscale
  _usable.check(size=size, channels=channels, alpha=alpha, depth=depth)
  return ImageSpec((size, size, channels))


def holds(path):
  """Whether a path is a zip file, or a folder that has one."""
  return bool(_archives(path))


def load(data_dir, *, file='', folder='', size=64, channels=3, skip_bad=False,
         upscale=False, alpha='white', depth=16):
  """Lists and checks the image files in a zip file.

  They are ordered and resized as by image_folder.

  data_dir: the zip file, or a folder that has it.
  file: its name below data_dir; '': the only one there.
  folder: inside the zip file; '.' is all of it.
  size, channels, skip_bad, upscale, alpha, depth: as of image_folder.load.

  Returns: a source of [size, size, channels] uint8 that decodes on access. Its
    labels() are those of the archive's dataset.json.

  Raises:
    UserError: no such file or folder; it is damaged, encrypted, or has paths
      that lead out of it; no usable image in it, or a bad one.
  """
  info(size=size, channels=channels, alpha=alpha, depth=depth)
  path = _path(data_dir, file)
  archive = _opened(path)
  members = _members(archive, path, folder)
  if not folder:
    _usable.warn_of_folders(path, [name for name, _ in members])
  files = {_decode.Stored(
      f'{path}/{name}', functools.partial(archive.open, member),
      member.file_size): name for name, member in members}
  good = _usable.chosen([*files], path, size, channels, skip_bad=skip_bad,
                        upscale=upscale, alpha=alpha, depth=depth)
  return _Zip(
      archive, path, folder, [files[x] for x in good], good, size, channels,
      functools.partial(_resize.square, resample=_resize.LANCZOS),
      replace_bad=skip_bad, alpha=alpha, depth=depth)


def labels(data_dir, **arguments):
  """The label of each image of `load`, [n] int32; None if it has none.

  Raises:
    UserError: as `load`, or dataset.json is not what StyleGAN writes.
  """
  return load(data_dir, **arguments).labels()


def classes_in(data_dir, **arguments):
  """The names of the classes, which are numbers: '0', '1', ...

  Raises:
    UserError: as `labels`, or there are none.
  """
  numbers = labels(data_dir, **arguments)
  if numbers is None:
    raise UserError(f'the zip file of {data_dir} has no {_LABELS} with labels, '
                    "as StyleGAN2-ADA's dataset_tool.py writes it")
  return tuple(map(str, range(int(numbers.max()) + 1)))


class _Zip(_images.Images):
  """source[i] -> [size, size, channels] uint8, of the i-th image."""

  def __init__(self, archive, path, folder, members, files, *rest, **options):
    """members: the path of each image inside the archive, a pure path."""
    super().__init__(files, *rest, **options)
    self._archive, self._path = archive, path
    self._folder, self._members = folder, members

  def names(self):
    """'name size' of each image, as of the unpacked folder."""
    return [f'{name.relative_to(self._folder or ".")} {file.bytes}'
            for name, file in zip(self._members, self.files)]

  def groups(self):
    """The folder of each image."""
    return [str(name.parent) for name in self._members]

  def labels(self):
    """[n] int32 from dataset.json; None without one, or if it has none."""
    if _LABELS not in self._archive.namelist():
      return None
    what = f'{_LABELS} in {self._path}'
    try:
      if self._archive.getinfo(_LABELS).file_size > _MOST_JSON:
        raise ValueError(f'it has more than {_MOST_JSON:,} bytes')
      pairs = json.loads(self._archive.read(_LABELS))['labels']
      if pairs is None:
        return None
      known = {str(name).replace('\\', '/'): label for name, label in pairs}
    except (ValueError, TypeError, LookupError, RuntimeError, OSError,
            zlib.error, zipfile.BadZipFile) as error:
      raise UserError(f'{what} is damaged: {error}; {{"labels": [["NAME", '
                      'LABEL], ...]} would be right') from error
    try:
      values = [known[str(name)] for name in self._members]
    except KeyError as error:
      raise UserError(f'{what} has no label of {error}') from error
    if not all(type(x) is int and 0 <= x < 2**31 for x in values):
      odd = next(x for x in values if not (type(x) is int and 0 <= x < 2**31))
      raise UserError(f'{what} has the label {odd!r}: classes, numbers from 0 '
                      'on, are read')
    return np.array(values, np.int32)


def _path(data_dir, file):
  """The zip file that is meant, a Path."""
  data = pathlib.Path(data_dir).expanduser()
  if data_dir and _is_zip(data) and not file:
    return data
  base = _official.root(data_dir, _PUBLISHED)
  if file:
    if not (base / file).is_file():
      raise UserError(f'no file {base / file}: data.file is looked for in '
                      f'{base}')
    return base / file
  archives = _archives(base)
  if not archives:
    raise UserError(f'no zip file in {base}; it should hold {_PUBLISHED}')
  if len(archives) > 1:
    names = ', '.join(path.name for path in archives)
    raise UserError(f'{base} has {names}: --config.data.file=NAME takes one of '
                    'them')
  return archives[0]


def _archives(path):
  """The zip files that a path stands for, a list."""
  if path.is_dir():
    return sorted(file for file in path.iterdir() if _is_zip(file))
  return [path] if _is_zip(path) else []


def _is_zip(path):
  return path.suffix.lower() == '.zip' and path.is_file()


def _opened(path):
  """The ZipFile of a path."""
  try:
    return zipfile.ZipFile(path)
  except OSError as error:
    raise UserError(f'cannot read {path}: {error.strerror or error}'
                    ) from error
  except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
    raise UserError(f'{path} is not a whole zip file: {error}. Copy or '
                    'download it again') from error


def _members(archive, path, folder):
  """(pure path, ZipInfo) of the image files, in the order of their paths."""
  members, others = [], collections.Counter()
  for member in archive.infolist():
    name = pathlib.PurePosixPath(member.filename.replace('\\', '/'))
    if member.is_dir() or any(
        (part.startswith('.') and part != '..') or part == '__MACOSX'
        for part in name.parts):
      continue
    suffix = name.suffix.lower()
    if suffix in _images.OTHERS:
      others[suffix] += 1
    if suffix not in _images.SUFFIXES:
      continue
    _refuse_odd(path, name, member)
    members.append((name, member))
  if folder not in ('', '.'):
    members = [(name, member) for name, member in members
               if name.is_relative_to(folder)]
    if not members:
      raise UserError(f'no image file in folder {folder} of {path}')
  if not members:
    _images.refuse_none(path, others)
  _images.warn_of_others(path, others)
  return sorted(members, key=lambda each: each[0])


def _refuse_odd(path, name, member):
  """Refuses an archive with a member that is not read."""
  if member.flag_bits & _ENCRYPTED:
    raise UserError(f'{path} is encrypted ({name}): unpack it with its '
                    'password, and give the folder')
  if name.is_absolute() or ':' in name.parts[0] or '..' in name.parts:
    raise UserError(f'{path} has a file whose path leads out of it, {name}: '
                    'such an archive is not read')
  if member.compress_type not in _METHODS:
    how = zipfile.compressor_names.get(member.compress_type, 'method '
                                       f'{member.compress_type}')
    raise UserError(f'{path} is compressed by {how} ({name}), and by deflate '
                    'or not at all would be right: pack it again')
