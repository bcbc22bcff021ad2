"""Files of weights and arrays that are not what they should be.

Whatever is wrong with one, it is read or refused in one line: no traceback, no
memory for what the file only declares, no waiting.
"""
import io
import json
import os
import pathlib
import random
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
import safetensors.numpy

from jgan import arrays, genotype, weights
from jgan.errors import UserError
from jgan.features import _torch_file

GOLDEN = pathlib.Path(__file__).parent / 'features' / 'golden'
NETWORK = {'params/conv/kernel': np.arange(24, dtype=np.float32),
           'batch_stats/norm/mean': np.zeros(3, np.float32)}


def npz(save=np.savez, **named):
  """The bytes of an .npz."""
  data = io.BytesIO()
  save(data, **named)
  return data.getvalue()


def npy(shape, body=bytes(64), name='params/a.npy'):
  """An .npz of one array that declares this shape, of float32."""
  header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}"
  data = io.BytesIO()
  with zipfile.ZipFile(data, 'w') as archive:
    archive.writestr(name, b'\x93NUMPY\x01\x00' + struct.pack(
        '<H', len(header)) + header.encode() + body)
  return data.getvalue()


def tensors(header, body):
  """The bytes of a .safetensors."""
  header = json.dumps(header).encode()
  return struct.pack('<Q', len(header)) + header + body


def torch(pickled, **entries):
  """The bytes of a torch file."""
  data = io.BytesIO()
  with zipfile.ZipFile(data, 'w') as archive:
    for name, content in {'data.pkl': pickled, **entries}.items():
      archive.writestr(f'a/{name}', content)
  return data.getvalue()


def encrypted(data):
  """An archive whose entries are marked as encrypted."""
  data = bytearray(data)
  for start, offset in ((b'PK\1\2', 8), (b'PK\3\4', 6)):
    i = data.find(start)
    while i >= 0:
      data[i + offset] |= 1
      i = data.find(start, i + 4)
  return bytes(data)


WHOLE = {
    'a.npz': (weights.load, npz(**NETWORK)),
    'b.npz': (weights.load, npz(np.savez_compressed, **NETWORK)),
    'a.safetensors': (weights.load, safetensors.numpy.save(NETWORK)),
    'a.pth': (_torch_file.load, (GOLDEN / 'tensors_zip.pt').read_bytes()),
    'b.pth': (_torch_file.load, (GOLDEN / 'tensors_legacy.pt').read_bytes()),
    'a.json': (genotype.load, (pathlib.Path(genotype.__file__).parent
               / 'genotypes' / 'alphagan_s.json').read_bytes()),
}


@pytest.mark.parametrize('name', WHOLE)
def test_a_file_cut_or_changed_anywhere_is_read_or_refused(name, tmp_path):
  load, whole = WHOLE[name]
  file, rng, refused = tmp_path / name, random.Random(0), 0
  file.write_bytes(whole)
  load(file)
  for i in range(150):
    data = bytearray(whole)
    at = rng.randrange(len(data))
    if i % 3 == 0:
      data = data[:at]
    elif i % 3 == 1:
      data[at] ^= 1 << rng.randrange(8)
    else:
      data[at:at + 4] = rng.choice((b'\0', b'\xff' * 4, b'\x7f' * 8))
    file.write_bytes(data)
    try:
      load(file)
    except UserError as error:
      assert str(file) in str(error) and len(str(error)) < 1000
      refused += 1
  assert refused > 75


SHARED = b'(lp0\n' + b''.join(
    b'(lp%d\ng%d\nag%d\na' % (i + 1, i, i) for i in range(60)) + b'.'
KEY = b'(tp0\n0' + b''.join(
    b'g%d\ng%d\n\x86p%d\n0' % (i, i, i + 1) for i in range(60))
ENORMOUS = (b'\x80\x02ctorch._utils\n_rebuild_tensor_v2\n('
            b'(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0'
            b'0X\x03\0\0\0cpuK\x04tQK\0(J\xff\xff\xff\x7ftK\0\x85'
            b'\x89NtR.')


@pytest.mark.parametrize('name, data', [
    ('empty.npz', b''), ('cut.npz', npz(**NETWORK)[:200]),
    ('png.npz', b'\x89PNG'), ('huge.npz', npy('(900000000000,)')),
    ('huge.npz', npy('(4, ' * 2000)), ('negative.npz', npy('(-4,)')),
    ('objects.npz', npz(a=np.array([{}], object))),
    ('nested.npz', npy('((((((((((4))))))))),)')),
    ('secret.npz', encrypted(npz(**NETWORK))),
    ('both.npz', npz(**{'params': np.zeros(2), 'params/a': np.zeros(1)})),
    ('none.npz', npz(a=np.zeros(2))),
    ('float8.safetensors', tensors({'params/a': {
        'dtype': 'F8_E4M3', 'shape': [1], 'data_offsets': [0, 1]}}, b'0')),
    ('huge.safetensors', tensors({'params/a': {
        'dtype': 'F32', 'shape': [2**40], 'data_offsets': [0, 2**42]}}, b'')),
    ('long.safetensors', struct.pack('<Q', 2**60)),
    ('empty.safetensors', b''), ('a.bin', b''),
    ('secret.pth', encrypted(torch(b'N.'))),
    ('memo.pth', torch(b'Nr\xff\xff\xff\x7f.')),
    ('memo.pth', torch(b'Np2147483647\n.')),
    ('bytes.pth', torch(b'\x8e' + struct.pack('<Q', 2**40) + b'.')),
    ('key.pth', torch(b'}' + KEY[:-1] + b'Ns.')),
    ('enormous.pth', torch(ENORMOUS, **{'data/0': bytes(16)})),
    ('deep.json', b'[' * 100_000), ('latin.json', b'{"space": "\xff"}'),
    ('list.json', b'[1]'), ('digits.json', b'1' * 10_000),
    ('origin.json', b'{"space": "alphagan", "generator": [], "origin": 3}'),
])
def test_a_hostile_file_is_refused_in_little_memory(name, data, tmp_path):
  file = tmp_path / name
  file.write_bytes(data)
  load = {'.pth': _torch_file.load, '.json': genotype.load}.get(
      file.suffix, weights.load)
  tracemalloc.start()
  try:
    with pytest.raises(UserError, match=file.name):
      load(file)
    assert tracemalloc.get_traced_memory()[1] < 2**25
  finally:
    tracemalloc.stop()


def test_lists_that_share_lists_are_read_once(tmp_path):
  """Sixty levels of two each: 2^60 places."""
  (tmp_path / 'x.pth').write_bytes(torch(SHARED))
  tree = _torch_file.load(tmp_path / 'x.pth').tree
  with pytest.raises(UserError, match='holds a list, no state dict'):
    _torch_file.state_of(tree, 'x.pth')


def test_what_is_no_regular_file_is_refused_and_not_waited_for(tmp_path):
  os.mkfifo(tmp_path / 'pipe.npz')
  os.mkfifo(tmp_path / 'pipe.json')
  (tmp_path / 'folder.npz').mkdir()
  for name in ('pipe.npz', 'folder.npz', 'none.npz', 'a' * 300 + '.npz'):
    with pytest.raises(UserError, match='cannot read .*npz'):
      arrays.read(tmp_path / name)
  for name in ('pipe.json', 'a' * 300):
    with pytest.raises(UserError, match='neither a file nor a name'):
      genotype.load(str(tmp_path / name))


@pytest.mark.parametrize('order', 'CF')
def test_arrays_are_read_as_numpy_reads_them(order, tmp_path):
  named = {'a': np.asarray(np.arange(12.).reshape(3, 4), order=order),
           'b': np.float32(3.), 'c': np.zeros((0, 3), np.int8),
           'd': np.array([True, False])}
  for save in (np.savez, np.savez_compressed):
    save(tmp_path / 'x.npz', **named)
    found = arrays.read(tmp_path / 'x.npz')
    assert found.keys() == named.keys()
    for name, x in named.items():
      np.testing.assert_array_equal(found[name], x)
      assert found[name].dtype == x.dtype


@pytest.mark.parametrize('change, words', [
    (lambda x: x.astype(np.int32), 'params/a/kernel is .*int32.* there'),
    (lambda x: x.astype(np.complex64), 'params/a/kernel is .*complex64'),
    (lambda x: x * np.nan, 'params/a/kernel .*not finite'),
    (lambda x: x[1:], r'params/a/kernel is .*[\[(]3.* there'),
])
def test_weights_of_another_kind_start_no_run(change, words, tmp_path):
  net = weights.from_arrays({'params/a/kernel': np.ones(4, np.float32)})
  np.savez(tmp_path / 'g.npz', **{
      'params/a/kernel': change(np.ones(4, np.float32))})
  with pytest.raises(UserError, match=words):
    weights.fill(net, weights.load(tmp_path / 'g.npz'), 'g.npz')
