"""MNIST (the real one), STL-10, Tiny ImageNet and CelebA (small stand-ins)."""
import gzip
import hashlib

import numpy as np
import pytest
from PIL import Image

from jgan import batches
from jgan.data import celeba, mnist, stl10, tiny_imagenet
from jgan.errors import UserError


def test_mnist_is_read_plain_and_gzipped(shared, tmp_path):
  images = mnist.load(str(shared), split='test')
  assert images.shape == (10000, 28, 28, 1) and images.dtype == np.uint8
  # The mean of the published test set is 0.1325.
  assert abs(images.mean() / 255 - .1325) < 1e-4
  packed = shared / 'mnist' / 't10k-images-idx3-ubyte.gz'
  raw = tmp_path / 't10k-images-idx3-ubyte'
  raw.write_bytes(gzip.decompress(packed.read_bytes()))
  np.testing.assert_array_equal(mnist.load(str(tmp_path), split='test'), images)
  assert mnist.load(str(tmp_path), split='test', size=32).shape[1:] == (
      32, 32, 1)


def test_a_damaged_mnist_is_named(tmp_path):
  file = tmp_path / 'train-images-idx3-ubyte.gz'
  file.write_bytes(gzip.compress(b'hello'))
  with pytest.raises(UserError, match=r'train-images.*not the official'):
    mnist.load(str(tmp_path))
  file.write_bytes(gzip.compress(b'hello')[:-9])
  with pytest.raises(UserError, match=r'cannot read .*train-images'):
    mnist.load(str(tmp_path))


def test_stl10_joins_its_parts_and_turns_columns_into_rows(
    tmp_path, monkeypatch):
  rng = np.random.default_rng(0)
  parts = {'train': rng.integers(0, 256, (2, 96, 96, 3), np.uint8),
           'unlabeled': rng.integers(0, 256, (3, 96, 96, 3), np.uint8)}
  (tmp_path / 'stl10_binary').mkdir()
  for name, images in parts.items():
    data = images.transpose(0, 3, 2, 1).tobytes()
    (tmp_path / 'stl10_binary' / f'{name}_X.bin').write_bytes(data)
    monkeypatch.setitem(stl10._MD5, name, hashlib.md5(data).hexdigest())
  whole = np.concatenate(list(parts.values()))
  source = stl10.load(str(tmp_path), size=96)
  assert source.shape == (5, 96, 96, 3) and len(source) == 5
  np.testing.assert_array_equal(batches.as_array(source), whole)
  small = stl10.load(str(tmp_path), size=48)[4]
  want = Image.fromarray(whole[4]).resize((48, 48), Image.Resampling.BILINEAR)
  np.testing.assert_array_equal(small, np.asarray(want))
  with pytest.raises(UserError, match=r'no test_X.bin'):
    stl10.load(str(tmp_path), split='test')
  monkeypatch.setitem(stl10._MD5, 'train', '0' * 32)
  with pytest.raises(UserError, match=f'train_X.bin is not.*{"0" * 32}'):
    stl10.load(str(tmp_path))


def test_tiny_imagenet_is_complete_or_refused(tmp_path, monkeypatch):
  home = tmp_path / 'tiny-imagenet-200'
  rng = np.random.default_rng(0)
  for word, mode in (('n01', (64, 64, 3)), ('n02', (64, 64))):
    (home / 'train' / word / 'images').mkdir(parents=True)
    image = Image.fromarray(rng.integers(0, 256, mode, np.uint8))
    image.save(home / 'train' / word / 'images' / f'{word}_0.JPEG')
    (home / 'train' / word / f'{word}_boxes.txt').write_text('0 0 64 64')
  (home / 'wnids.txt').write_text('n01\nn02\n')
  with pytest.raises(UserError, match='has 2 images, expected 100000'):
    tiny_imagenet.load(str(tmp_path))
  monkeypatch.setitem(tiny_imagenet._COUNTS, 'train', 2)
  for data_dir in (tmp_path, home):
    images = batches.as_array(tiny_imagenet.load(str(data_dir)))
    assert images.shape == (2, 64, 64, 3)
  grey = images[1]
  np.testing.assert_array_equal(grey[..., 0], grey[..., 2])


def test_celeba_is_squashed_or_cropped(tmp_path, monkeypatch):
  home = tmp_path / 'img_align_celeba'
  home.mkdir()
  # 218 rows; the central square leaves out 20 above and below, painted white.
  picture = np.zeros((218, 178, 3), np.uint8)
  picture[:20] = picture[-20:] = 255
  for i in (1, 2, 3):
    Image.fromarray(picture).save(home / f'{i:06}.jpg', quality=100)
  with pytest.raises(UserError, match='has 3 images, expected 202599'):
    celeba.load(str(tmp_path))
  monkeypatch.setattr(celeba, '_TOTAL', 3)
  monkeypatch.setitem(celeba._SPLITS, 'test', (2, 3))
  cropped = celeba.load(str(tmp_path), frame='crop', size=64)
  assert cropped.shape == (3, 64, 64, 3)
  assert cropped[0][2:-2].max() < 20
  squashed = celeba.load(str(tmp_path), frame='squash', size=64)[0]
  assert squashed[:4].min() > 235 and squashed[-4:].min() > 235
  assert len(celeba.load(str(tmp_path), split='test')) == 1
  with pytest.raises(UserError, match=r"no 'sqash'.*did you mean 'squash'"):
    celeba.info(frame='sqash')


def test_the_splits_of_celeba_add_up():
  counts = [celeba.info(split=s).count for s in ('train', 'valid', 'test')]
  assert counts == [162770, 19867, 19962]
  assert sum(counts) == celeba.info().count == 202599
