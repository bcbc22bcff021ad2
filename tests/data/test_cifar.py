"""CIFAR in its two official layouts, with the real CIFAR-10."""
import hashlib
import pickle

import numpy as np
import pytest
from PIL import Image

from jgan.data import _cifar, _unpickle, cifar10, cifar100
from jgan.errors import UserError


def test_both_layouts_give_the_same_images(cifar_dir, unpack):
  python = cifar10.load(str(cifar_dir / 'cifar-10-batches-py'), split='test')
  binary = cifar10.load(str(cifar_dir / 'cifar-10-batches-bin'), split='test')
  assert python.dtype == np.uint8 and python.shape == (10000, 32, 32, 3)
  np.testing.assert_array_equal(python, binary)
  planes, _ = unpack.cifar10_batch('test_batch')
  np.testing.assert_array_equal(binary[:7], planes[:7].transpose(0, 2, 3, 1))


def test_training_batches_follow_each_other(cifar_dir, unpack, monkeypatch):
  folder, files = cifar10._FILES['train'][1]
  two = dict(list(files.items())[:2])
  monkeypatch.setitem(cifar10._FILES, 'train', ((folder, two),))
  images = cifar10.load(str(cifar_dir))
  assert images.shape == (20000, 32, 32, 3)
  planes, _ = unpack.cifar10_batch('data_batch_2')
  np.testing.assert_array_equal(images[10000:10005],
                                planes[:5].transpose(0, 2, 3, 1))


def test_another_size_is_resampled_with_antialiasing(cifar_dir):
  images = cifar10.load(str(cifar_dir), split='test')
  small = cifar10.load(str(cifar_dir), split='test', size=16)
  assert small.shape == (10000, 16, 16, 3)
  want = Image.fromarray(images[3]).resize((16, 16), Image.Resampling.LANCZOS)
  np.testing.assert_array_equal(small[3], np.asarray(want))


def test_the_sums_are_those_of_the_published_pickles(unpack):
  (_, train), _ = cifar10._FILES['train']
  (_, test), _ = cifar10._FILES['test']
  assert {**train, **test} == unpack.MD5


def test_a_damaged_file_is_named_with_both_sums(cifar_dir, tmp_path):
  data = (cifar_dir / 'cifar-10-batches-bin' / 'test_batch.bin').read_bytes()
  folder = tmp_path / 'cifar-10-batches-bin'
  folder.mkdir()
  (folder / 'test_batch.bin').write_bytes(data[:-1])
  found = hashlib.md5(data[:-1]).hexdigest()
  with pytest.raises(UserError) as e:
    cifar10.load(str(tmp_path), split='test')
  assert str(folder / 'test_batch.bin') in str(e.value)
  assert found in str(e.value)
  assert '803d5f7f4d78ea53de84dbe85f74fb6d' in str(e.value)


def test_a_missing_batch_is_named(cifar_dir):
  with pytest.raises(UserError, match=r'data_batch_3.bin is missing'):
    cifar10.load(str(cifar_dir), split='train')


def test_a_folder_called_train_is_not_taken_for_cifar100(tmp_path):
  (tmp_path / 'train').mkdir()
  with pytest.raises(UserError, match='no cifar-100-python/'):
    cifar100.load(str(tmp_path))


def test_both_layouts_of_cifar100_are_decoded(tmp_path):
  rng = np.random.default_rng(0)
  pixels = rng.integers(0, 256, (6, 3072), np.uint8)
  # As numpy 1 under Python 2 wrote it: the protocol and module names of 2009.
  batch = pickle.dumps({b'data': pixels}, protocol=2)
  rows = np.concatenate([np.full((6, 2), 9, np.uint8), pixels], axis=1)
  want = pixels.reshape(6, 3, 32, 32).transpose(0, 2, 3, 1)
  for folder, name, data in (('py', 'train', _python2(pixels)),
                             ('bin', 'train.bin', rows.tobytes())):
    (tmp_path / folder).mkdir()
    (tmp_path / folder / name).write_bytes(data)
    layouts = ((folder, {name: hashlib.md5(data).hexdigest()}),)
    images = _cifar.read(tmp_path, layouts, label_bytes=2)
    np.testing.assert_array_equal(images, want)
  assert b'_codecs' in batch  # what Python 3 would add, and we refuse


def _python2(pixels):
  """The pickle of {'data': pixels} as Python 2 wrote it."""
  return (b'\x80\x02}U\x04datacnumpy.core.multiarray\n_reconstruct\n'
          b'cnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01'
          + b'K' + bytes([len(pixels)]) + b'M\x00\x0c\x86cnumpy\ndtype\n'
          b'U\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xff'
          b'J\xff\xff\xff\xffK\x00tb\x89T'
          + pixels.size.to_bytes(4, 'little') + pixels.tobytes() + b'tbs.')


class _Malicious:

  def __reduce__(self):
    import os
    return os.system, ('touch /tmp/jgan_was_here',)


def test_a_pickle_that_asks_for_code_is_refused_by_name():
  for thing, asks in ((_Malicious(), 'system'), (print, 'builtins.print'),
                      (np.float64, 'numpy.float64')):
    with pytest.raises(UserError, match=f'batch.*asks for.*{asks}'):
      _unpickle.unpickle('batch', pickle.dumps({b'data': thing}))


def test_bytes_that_are_no_pickle_are_refused():
  for data in (b'', b'\x80\x02', b'hello', b'\x80\x02}q\x01(.'):
    with pytest.raises(UserError, match='not a pickle of numpy arrays'):
      _unpickle.unpickle('batch', data)
