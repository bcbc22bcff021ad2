"""Files that torch itself wrote (parity/torch_files.py), and hostile ones."""
import hashlib
import io
import os
import pathlib
import pickle
import zipfile

import ml_dtypes
import numpy as np
import pytest

from jgan.errors import UserError
from jgan.features import _torch_file

GOLDEN = pathlib.Path(__file__).parent / 'golden'
KINDS = ('zip', 'legacy')


def zipped(data, storages=(), **entries):
  """The bytes of an archive with data.pkl and storages."""
  file = io.BytesIO()
  with zipfile.ZipFile(file, 'w') as archive:
    archive.writestr('archive/data.pkl', data)
    for key, content in [*storages, *entries.items()]:
      archive.writestr(f'archive/{key}', content)
  return file.getvalue()


def legacy(data):
  """The bytes of a file in the old layout without storages."""
  header = [_torch_file._LEGACY_MAGIC, 1001, {'little_endian': True}]
  return b''.join([*(pickle.dumps(x, 2) for x in header), data,
                   pickle.dumps([], 2)])


def one_tensor(*, kind=b'FloatStorage', shape=(2,), stride=(1,), offset=0):
  """data.pkl of a tensor in storage '0' of 4 numbers."""
  integers = lambda xs: b'(' + b''.join(b'K%c' % x for x in xs) + b't'
  return (b'\x80\x02ctorch._utils\n_rebuild_tensor_v2\n('
          b'(X\x07\x00\x00\x00storagectorch\n' + kind +
          b'\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ'
          b'K%c' % offset + integers(shape) + integers(stride)
          + b'\x89NtR.')


@pytest.mark.parametrize('kind', KINDS)
def test_tensors_come_out_as_torch_wrote_them(kind):
  path = GOLDEN / f'tensors_{kind}.pt'
  tree, sha256 = _torch_file.load(path)
  assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
  state = tree.pop('state_dict')
  assert tree == {'shape': (4, 6), 'epoch': 7, 'accuracy': .5,
                  'names': ['a', ('b',)], 'nothing': None}
  numbers = np.arange(24)
  whole = numbers.reshape(4, 6).astype(np.float32)
  want = {'whole': whole, 'transposed': whole.T, 'row': whole[2],
          'every_other': whole[1:, ::2], 'scalar': np.float32(3.5),
          'empty': np.zeros((0, 3), np.float32),
          'parameter': np.float32([1, -1])}
  types = {'float64': float, 'float16': np.float16, 'int64': np.int64,
           'bfloat16': ml_dtypes.bfloat16, 'int32': np.int32,
           'int16': np.int16, 'int8': np.int8, 'uint8': np.uint8, 'bool': bool}
  want |= {f'as_{name}': numbers.astype(t) for name, t in types.items()}
  assert set(state) == set(want)
  for name, array in want.items():
    assert state[name].dtype == array.dtype, name
    np.testing.assert_array_equal(state[name], array, err_msg=name)


@pytest.mark.parametrize('kind', KINDS)
def test_tensors_that_share_memory_still_do_and_cannot_be_written(kind):
  state = _torch_file.load(GOLDEN / f'tensors_{kind}.pt').tree['state_dict']
  assert np.shares_memory(state['whole'], state['row'])
  assert not np.shares_memory(state['whole'], state['scalar'])
  with pytest.raises(ValueError, match='read-only'):
    state['row'][0] = 1


class Hostile:
  """Would make a folder when unpickled."""

  def __init__(self, target):
    self.target = target

  def __reduce__(self):
    return os.mkdir, (self.target,)


@pytest.mark.parametrize('layout', [zipped, legacy])
def test_a_pickle_that_would_run_code_runs_none(layout, tmp_path):
  target = tmp_path / 'executed'
  data = pickle.dumps({'state_dict': Hostile(str(target))}, 2)
  pickle.loads(data)
  assert target.exists()  # a plain unpickler falls for it
  target.rmdir()
  file = tmp_path / 'weights.pth'
  file.write_bytes(layout(data))
  with pytest.raises(UserError, match=r'weights\.pth.*asks for posix.mkdir'):
    _torch_file.load(file)
  assert not target.exists()


@pytest.mark.parametrize('data, asked', [
    (b'cos\nsystem\n(S"true"\ntR.', 'os.system'),
    (b'cbuiltins\neval\n(S"1"\ntR.', 'builtins.eval'),
    (b'(S"true"\nios\nsystem\n.', 'os.system'),
    (b'\x80\x04\x8c\x05torch\x8c\x04load\x93.', 'torch.load'),
    (b'\x80\x04\x8c\x0bcollections\x8c\x15OrderedDict.__class__\x93.',
     'collections.OrderedDict.__class__'),
    (b'cnumpy._core.multiarray\nscalar\n.', 'numpy._core.multiarray.scalar'),
])
def test_what_is_asked_for_is_named(data, asked, tmp_path):
  file = tmp_path / 'x.pth'
  file.write_bytes(zipped(data))
  with pytest.raises(UserError, match=f'asks for {asked}'):
    _torch_file.load(file)


def test_a_pickle_cannot_spoil_the_reader(tmp_path):
  file = tmp_path / 'x.pth'
  # Sets an attribute of the function that rebuilds tensors.
  file.write_bytes(zipped(b'ctorch._utils\n_rebuild_tensor\n'
                          b'N}X\x0c\x00\x00\x00__defaults__)s\x86b.'))
  _torch_file.load(file)
  test_tensors_come_out_as_torch_wrote_them('zip')
  file.write_bytes(zipped(b'ccollections\nOrderedDict\n'
                          b'}X\x01\x00\x00\x00xK\x01sb.'))
  with pytest.raises(UserError):
    _torch_file.load(file)


def test_a_tensor_stays_inside_of_its_storage(tmp_path):
  file = tmp_path / 'x.pth'
  storage = [('data/0', np.float32([1, 2, 3, 4]).tobytes())]
  file.write_bytes(zipped(one_tensor(offset=1, stride=(2,)), storage))
  np.testing.assert_array_equal(_torch_file.load(file).tree, [2, 4])
  for tensor, wrong in [
      (one_tensor(offset=3), 'reaches to number 4 of .* which has 4'),
      (one_tensor(stride=(4,)), 'reaches to number 4'),
      (one_tensor(shape=(2, 2)), '1 strides of 2 axes'),
      (one_tensor(kind=b'QInt8Storage'), 'asks for torch.QInt8Storage')]:
    file.write_bytes(zipped(tensor, storage))
    with pytest.raises(UserError, match=wrong):
      _torch_file.load(file)


def test_damage_is_an_error_that_names_the_file(tmp_path):
  file = tmp_path / 'weights.pth'
  with pytest.raises(UserError, match=r'cannot read .*weights\.pth'):
    _torch_file.load(file)
  for kind in KINDS:
    whole = (GOLDEN / f'tensors_{kind}.pt').read_bytes()
    for end in (0, 10, len(whole) // 2, len(whole) - 40):
      file.write_bytes(whole[:end])
      with pytest.raises(UserError, match=r'weights\.pth is not a torch file'):
        _torch_file.load(file)
  cycle = b'(lp0\ng0\na.'
  for data, wrong in [
      (b'\x89PNG', 'not a torch file'), (pickle.dumps({}), 'does not begin'),
      (zipped(one_tensor()), 'no item named'),
      (zipped(b'N.', byteorder=b'big'), 'big-endian'),
      (zipped(cycle), 'contains itself'), (zipped(b''), 'not a torch file')]:
    file.write_bytes(data)
    with pytest.raises(UserError, match=wrong):
      _torch_file.load(file)
