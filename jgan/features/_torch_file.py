"""Reads arrays from a torch weight file, without torch and without running
code.

A torch file is a pickle, a program that may call anything that can be
imported. This unpickler only records the arguments of the calls that rebuild
tensors, refuses every other name, and creates the arrays afterwards. What a
file declares is compared with what it holds before memory is taken. Both file
layouts are supported: the zip archive since torch 1.6, and the sequence of
pickles before.
"""
import collections
import hashlib
import io
import math
import pickle
import pickletools
import zipfile
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from jgan.arrays import BROKEN, reason, regular
from jgan.errors import UserError

_DTYPES = {
    'FloatStorage': np.float32, 'DoubleStorage': np.float64,
    'HalfStorage': np.float16, 'BFloat16Storage': ml_dtypes.bfloat16,
    'LongStorage': np.int64, 'IntStorage': np.int32,
    'ShortStorage': np.int16, 'CharStorage': np.int8,
    'ByteStorage': np.uint8, 'BoolStorage': np.bool_,
}
_LEGACY_MAGIC = 0x1950a86a20f9469cfc6c
_LEGACY_PROTOCOL = 1001
_RECALLED = 10**7  # objects, in all, that a pickle may recall


class TorchFile(NamedTuple):
  """The contents of a torch file.

  Attributes:
    tree: the pickled object: dicts, lists, numbers, strings, and a numpy
      array for each tensor (read-only; shared memory stays shared).
    sha256: of the file, 64 hexadecimal digits.
  """
  tree: Any
  sha256: str


class _Storage(NamedTuple):
  kind: str  # 'FloatStorage'
  key: str
  count: int
  first: int  # offset of a view of a legacy storage


class _Tensor(NamedTuple):
  storage: _Storage
  offset: int
  shape: tuple
  strides: tuple  # in elements, not in bytes


def load(path):
  """Reads a file that torch.save wrote.

  Raises:
    UserError: the file cannot be read, is damaged or not a torch file, or
      imports anything but tensors.
  """
  path = regular(path)
  try:
    data = path.read_bytes()
  except OSError as error:
    raise UserError(f'cannot read {path}: {error.strerror}') from error
  try:
    read = _zipped if zipfile.is_zipfile(io.BytesIO(data)) else _legacy
    tree = read(data)
  except (*BROKEN, pickle.UnpicklingError) as error:
    raise UserError(f'{path} is not a torch file of tensors alone: '
                    f'{reason(error)}') from error
  return TorchFile(tree, hashlib.sha256(data).hexdigest())


def state_of(tree, path):
  """A state dict: {name: array}.

  Raises:
    UserError: the tree of the file `path` is something else.
  """
  if not isinstance(tree, dict):
    raise UserError(f'{path} holds a {type(tree).__name__}, no state dict')
  for name, array in tree.items():
    if not isinstance(name, str) or not isinstance(array, np.ndarray):
      raise UserError(f'{path} is no state dict: {name!r} is a '
                      f'{type(array).__name__}, not a tensor')
  return tree


def _zipped(data):
  """ROOT/data.pkl, ROOT/data/KEY for each storage, ROOT/byteorder."""
  with zipfile.ZipFile(io.BytesIO(data)) as archive:
    pickles = [n for n in archive.namelist() if n.endswith('/data.pkl')]
    if len(pickles) != 1:
      raise ValueError(f'{len(pickles)} entries called data.pkl, not 1')
    if any(entry.compress_type for entry in archive.infolist()):
      raise ValueError('it is compressed, which torch.save does not do')
    if sum(entry.file_size for entry in archive.infolist()) > len(data):
      raise ValueError('its entries are larger than itself')
    root = pickles[0].removesuffix('data.pkl')
    if (f'{root}byteorder' in archive.namelist()
        and archive.read(f'{root}byteorder') != b'little'):
      raise ValueError('its numbers are big-endian')
    tree = _unpickle(io.BytesIO(archive.read(pickles[0])))
    return _arrays(tree, lambda key: archive.read(f'{root}data/{key}'))


def _legacy(data):
  """Magic number, protocol, system, object, keys; then count and bytes each."""
  file = io.BytesIO(data)
  if _unpickle(file) != _LEGACY_MAGIC:
    raise ValueError('it does not begin like one')
  protocol, system = _unpickle(file), _unpickle(file)
  if protocol != _LEGACY_PROTOCOL or not system['little_endian']:
    raise ValueError('it is of another protocol, or big-endian')
  tree, keys = _unpickle(file), _unpickle(file)
  kinds = {}
  _mapped(tree, lambda t: kinds.setdefault(t.storage.key, t.storage.kind))
  contents = {}
  for key in keys:
    count = int.from_bytes(file.read(8), 'little')
    size = count * np.dtype(_DTYPES[kinds[key]]).itemsize
    contents[key] = file.read(size)
    if len(contents[key]) != size:
      raise EOFError(f'it ends inside of storage {key}')
  return _arrays(tree, contents.__getitem__)


class _Reader(pickle.Unpickler):
  """Records tensors; resolves only the names that they need."""

  def __init__(self, file):
    super().__init__(file)
    # New functions for each reader: a pickle that modifies them does not
    # affect later readers.
    def tensor(storage, offset, shape, strides, *rest):
      del rest  # requires_grad, hooks, metadata
      return _Tensor(storage, offset, tuple(shape), tuple(strides))

    self._allowed = {
        'collections.OrderedDict': collections.OrderedDict,
        'torch._utils._rebuild_tensor': tensor,
        'torch._utils._rebuild_tensor_v2': tensor,
        'torch._utils._rebuild_parameter': lambda data, *rest: data,
        'torch.Size': lambda shape: tuple(shape),
        **{f'torch.{kind}': kind for kind in _DTYPES},
    }

  def find_class(self, module, name):
    """Replaces the import that the pickle asks for."""
    if f'{module}.{name}' not in self._allowed:
      raise pickle.UnpicklingError(f'it asks for {module}.{name}')
    return self._allowed[f'{module}.{name}']

  def persistent_load(self, pid):
    """The storage that ('storage', kind, key, device, count[, view]) names."""
    tag, kind, key, _, count, *view = pid
    if (tag != 'storage' or not isinstance(key, str)
        or not isinstance(kind, str) or kind not in _DTYPES):
      raise pickle.UnpicklingError(f'it asks for a {tag} of {kind}')
    first = 0
    if view and view[0] is not None:
      _, first, count = view[0]
    return _Storage(kind, key, count, first)


def _unpickle(file):
  """Reads one pickle, after its instructions were looked through."""
  start = file.tell()
  _look_through(file)
  file.seek(start)
  return _Reader(file).load()


def _look_through(file):
  """Refuses a pickle that takes more memory or time than its length.

  The unpickler takes memory for as many objects as an instruction that
  memorises one says there are, and an object in which others are recalled
  again and again takes long to hash.
  """
  stack, memo, recalled = [], {}, 0  # sizes of objects; None for a mark
  for count, (code, number, _) in enumerate(pickletools.genops(file)):
    taken = len(code.stack_before)
    size = 1
    if pickletools.stackslice in code.stack_before:
      while (top := stack.pop()) is not None:
        size += top
      taken -= 2
    size += sum(stack.pop() for _ in range(taken))
    if code.name in ('GET', 'BINGET', 'LONG_BINGET'):
      size = memo[number]
    if code.name in ('GET', 'BINGET', 'LONG_BINGET', 'DUP'):
      recalled += size
    stack += [None if kind is pickletools.markobject else size
              for kind in code.stack_after]
    if recalled > _RECALLED:
      raise ValueError(f'it recalls more than {_RECALLED:,} objects')
    if code.name in ('PUT', 'BINPUT', 'LONG_BINPUT', 'MEMOIZE'):
      place = len(memo) if code.name == 'MEMOIZE' else number
      if place > count:
        raise ValueError(f'it memorises object {place:,} of {count:,}')
      memo[place] = stack[-1]


def _mapped(tree, leaf):
  """The tree with every tensor replaced by leaf(tensor).

  A part that stands in many places is visited once: nested lists of shared
  lists have more places than fit into memory.
  """
  done = {}  # by id; None while a part is being visited

  def visit(node):
    if isinstance(node, _Tensor):
      return leaf(node)
    if not isinstance(node, dict | list | tuple):
      return node
    if id(node) not in done:
      done[id(node)] = None
      done[id(node)] = (
          {key: visit(value) for key, value in node.items()}
          if isinstance(node, dict) else type(node)(map(visit, node)))
    if done[id(node)] is None:
      raise ValueError('a part of it contains itself')
    return done[id(node)]

  return visit(tree)


def _arrays(tree, content):
  """Replaces tensors in the tree by arrays; content(key): storage bytes."""
  memory = {}

  def array(tensor):
    storage = tensor.storage
    if storage.key not in memory:
      memory[storage.key] = np.frombuffer(content(storage.key),
                                          _DTYPES[storage.kind])
    flat = memory[storage.key]
    if flat.dtype != _DTYPES[storage.kind]:
      raise ValueError(f'storage {storage.key} is of two types')
    if min((storage.first, tensor.offset, *tensor.shape, *tensor.strides)) < 0:
      raise ValueError(f'a negative number in {tensor}')
    if len(tensor.shape) != len(tensor.strides):
      raise ValueError(f'{len(tensor.strides)} strides of '
                       f'{len(tensor.shape)} axes')
    start = storage.first + tensor.offset
    last = start + sum((n - 1) * s for n, s in
                       zip(tensor.shape, tensor.strides))
    count = math.prod(tensor.shape)
    if count == 0:
      return np.zeros(tensor.shape, flat.dtype)
    if last >= len(flat) or count > len(flat):
      raise ValueError(f'a tensor of {count} numbers reaches to number {last} '
                       f'of storage {storage.key}, which has {len(flat)}')
    return np.lib.stride_tricks.as_strided(
        flat[start:], tensor.shape,
        [s * flat.itemsize for s in tensor.strides], writeable=False)

  return _mapped(tree, array)
