"""Reads files of arrays, .npz, .npy and .safetensors, whoever wrote them.

Nothing in such a file is trusted: objects are refused, and the size that an
array declares is compared with what the file holds before memory is taken.
"""
import math
import pathlib
import stat
import struct
import zipfile
import zlib

import numpy as np
import safetensors
import safetensors.numpy

from jgan.errors import UserError

# What zipfile, numpy and safetensors raise for broken files.
BROKEN = (OSError, ValueError, TypeError, LookupError, AttributeError, EOFError,
          ArithmeticError, MemoryError, RuntimeError, SyntaxError, struct.error,
          zipfile.BadZipFile, zlib.error, safetensors.SafetensorError)
_DEFLATE = 1032  # times smaller, at most, are data that are compressed


def read(path):
  """{name: read-only numpy array} of a file.

  Raises:
    UserError: it has another suffix, cannot be read, or is damaged.
  """
  path = regular(path)
  readers = {'.npz': _npz, '.safetensors': safetensors.numpy.load_file}
  if path.suffix not in readers:
    raise UserError(f"{path} ends in '{path.suffix}': {' or '.join(readers)} "
                    'would be right')
  try:
    return readers[path.suffix](path)
  except BROKEN as error:
    raise UserError(f'cannot read {path}: {reason(error)}') from error


def single(path):
  """The array of an .npy file, or the only one of an .npz; read-only.

  Raises:
    UserError: as `read`, or there are several arrays.
  """
  path = regular(path)
  if path.suffix != '.npy':
    named = read(path)
    if len(named) != 1:
      raise UserError(f'{path} holds the arrays {", ".join(named) or "none"}: '
                      'one would be right')
    return next(iter(named.values()))
  try:
    with path.open('rb') as file:
      return _array(file, path.stat().st_size, path.name)
  except BROKEN as error:
    raise UserError(f'cannot read {path}: {reason(error)}') from error


def metadata(path):
  """The strings in the header of a .safetensors file: {name: string}.

  Raises:
    UserError: it cannot be read, or is damaged.
  """
  path = regular(path)
  try:
    with safetensors.safe_open(path, framework='np') as file:
      return dict(file.metadata() or {})
  except BROKEN as error:
    raise UserError(f'cannot read {path}: {reason(error)}') from error


def regular(path):
  """The path of a regular file; others could keep a reader waiting.

  Raises:
    UserError: there is no file, or it is a folder, a pipe or a device.
  """
  path = pathlib.Path(path).expanduser()
  try:
    mode = path.stat().st_mode
  except (OSError, ValueError) as error:
    raise UserError(f'cannot read {path}: {reason(error)}') from error
  if not stat.S_ISREG(mode):
    raise UserError(f'cannot read {path}: it is no regular file')
  return path


def reason(error):
  """What an exception of a broken file says, in one line."""
  text = ' '.join((getattr(error, 'strerror', '') or str(error)).split())
  plain = isinstance(error, (OSError, ValueError, zipfile.BadZipFile))
  return text if text and plain else f'{type(error).__name__} {text}'.strip()


def _npz(path):
  """The arrays of a zip archive of NAME.npy."""
  with zipfile.ZipFile(path) as archive:
    held = sum(entry.compress_size for entry in archive.infolist())
    if held > path.stat().st_size:
      raise ValueError('its entries are larger than itself')
    return {entry.filename.removesuffix('.npy'): _npy(archive, entry)
            for entry in archive.infolist()}


def _npy(archive, entry):
  """One array of an archive."""
  ratio = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: _DEFLATE}.get(
      entry.compress_type, 0)
  if entry.file_size > ratio * entry.compress_size:
    raise ValueError(f'{entry.filename} declares {entry.file_size} bytes and '
                     f'has {entry.compress_size}')
  with archive.open(entry) as file:
    return _array(file, entry.file_size, entry.filename)


def _array(file, length, name):
  """The array of an open .npy of `length` bytes."""
  version = np.lib.format.read_magic(file)
  header = {(1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0}[version]
  shape, fortran, dtype = header(file)
  if dtype.hasobject:
    raise ValueError(f'{name} holds objects, not numbers')
  size = math.prod(shape) * dtype.itemsize
  rest = length - file.tell()
  if min(shape, default=0) < 0 or size != rest:
    raise ValueError(f'{name} declares an array of {list(shape)} {dtype}, '
                     f'{size} bytes, and has {rest}')
  return np.ndarray(shape, dtype, buffer=file.read(size),
                    order='F' if fortran else 'C')
