"""MNIST (the real one), STL-10, Tiny ImageNet and CelebA (small stand-ins)."""
import gzip
import hashlib

import numpy as np
import pytest
from PIL import Image

from jgan import batches, lookup
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
    tmp_path, monkeypatch, caplog):
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
  few = batches.subset(stl10.load(str(tmp_path), size=96), first=2)
  assert '2 of 5 are from 1 of 2 folders' in caplog.text
  assert batches.fingerprint(few) != batches.fingerprint(source)
  with pytest.raises(UserError, match=r'no test_X.bin'):
    stl10.load(str(tmp_path), split='test')
  monkeypatch.setitem(stl10._MD5, 'train', '0' * 32)
  with pytest.raises(UserError, match=f'train_X.bin is not.*{"0" * 32}'):
    stl10.load(str(tmp_path))


def test_tiny_imagenet_is_complete_or_refused(tmp_path, monkeypatch, caplog):
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
  batches.subset(tiny_imagenet.load(str(tmp_path)), first=1)
  assert '1 of 2 are from 1 of 2 folders' in caplog.text
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


def test_celeba_is_read_from_a_folder_in_a_folder(tmp_path, monkeypatch):
  home = tmp_path / 'img_align_celeba' / 'img_align_celeba'
  home.mkdir(parents=True)
  Image.new('RGB', (178, 218)).save(home / '000001.jpg')
  monkeypatch.setattr(celeba, '_TOTAL', 1)
  for data_dir in (tmp_path, tmp_path / 'img_align_celeba', home):
    assert len(celeba.load(str(data_dir))) == 1


@pytest.mark.parametrize('name', [
    'train-images.idx3-ubyte', 'train-images.idx3-ubyte.gz',
    'train-images.idx3-ubyte/train-images.idx3-ubyte',
    'mnist/train-images-idx3-ubyte/train-images-idx3-ubyte'])
def test_mnist_is_read_under_the_names_that_mirrors_use(
    name, tmp_path, monkeypatch):
  data = bytes(16) + bytes(range(256)) * 49
  monkeypatch.setitem(mnist._FILES, 'train', (
      'train-images-idx3-ubyte', hashlib.md5(data).hexdigest()))
  (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
  (tmp_path / name).write_bytes(
      gzip.compress(data) if name.endswith('.gz') else data)
  assert mnist.load(str(tmp_path)).shape == (16, 28, 28, 1)


ARCHIVES = {'cifar10': 'cifar-10-python.tar.gz',
            'cifar100': 'cifar-100-binary.tar.gz',
            'stl10': 'stl10_binary.tar.gz',
            'tiny_imagenet': 'tiny-imagenet-200.zip',
            'celeba': 'img_align_celeba.zip', 'mnist': 'mnist.zip',
            'image_folder': 'anything.tgz'}


@pytest.mark.parametrize('name', ARCHIVES)
def test_an_archive_that_was_not_unpacked_is_named_with_the_command(
    name, tmp_path):
  load = lookup.find('data', name).load
  archive = tmp_path / ARCHIVES[name]
  archive.touch()
  command = (f'unzip {archive} -d {tmp_path}' if archive.suffix == '.zip'
             else f'tar -xf {archive} -C {tmp_path}')
  for data_dir in (tmp_path, archive):
    with pytest.raises(UserError) as e:
      load(str(data_dir))
    assert command in str(e.value) and '\n' not in str(e.value)


@pytest.mark.parametrize('name, file', [
    ('cifar10', 'data_batch_1.bin'), ('cifar100', 'train'),
    ('stl10', 'train_X.bin'), ('tiny_imagenet', 'wnids.txt'),
    ('celeba', '000001.jpg'), ('mnist', 'train-images-idx3-ubyte.gz')])
def test_files_in_a_folder_of_another_name_are_pointed_at(
    name, file, tmp_path):
  other = tmp_path / 'a b' / 'download'
  other.mkdir(parents=True)
  (other / file).touch()
  with pytest.raises(UserError) as e:
    lookup.find('data', name).load(str(tmp_path))
  assert f'give --data_dir={other}' in str(e.value)


def test_the_splits_of_celeba_add_up():
  counts = [celeba.info(split=s).count for s in ('train', 'valid', 'test')]
  assert counts == [162770, 19867, 19962]
  assert sum(counts) == celeba.info().count == 202599
