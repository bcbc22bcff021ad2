"""Labels stand beside their images, in both layouts of CIFAR-10."""
import hashlib
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from jgan import config as configs
from jgan import labelling, lookup
from jgan.data import (
    cifar10,
    cifar100,
    digits,
    image_folder,
    image_parquet,
    image_zip,
    mixture,
    mnist,
    stl10,
    tfds_source,
    tiny_imagenet,
)
from jgan.errors import UserError


def test_mnist_has_as_many_labels_as_published(shared):
  labels = mnist.labels(str(shared), split='test')
  assert labels.dtype == np.int32
  # Counts of the digits 0 .. 9 in the published test set.
  assert np.bincount(labels).tolist() == [
      980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
  assert labels[:5].tolist() == [7, 2, 1, 0, 4]
  assert np.bincount(mnist.labels(str(shared))).sum() == 60000


def test_cifar10_has_a_thousand_test_images_of_each_class(cifar_dir, shared):
  labels = cifar10.labels(str(cifar_dir), split='test')
  assert np.bincount(labels).tolist() == [1000] * 10
  want = np.load(shared / 'cifar10' / 'labels.npz')['test_batch']
  np.testing.assert_array_equal(labels, want)
  for layout in ('cifar-10-batches-py', 'cifar-10-batches-bin'):
    np.testing.assert_array_equal(
        cifar10.labels(str(cifar_dir / layout), split='test'), want)


def test_cifar10_without_official_files_has_no_labels(tmp_path):
  with pytest.raises(UserError, match='no cifar-10-batches-py/ or .*labels'):
    cifar10.labels(str(tmp_path))


def test_arrays_are_not_sorted_by_class(cifar_dir, shared):
  """`pipeline.first` of them has all classes; of sorted folders it is said."""
  for labels in (digits.labels(''), mnist.labels(str(shared)),
                 cifar10.labels(str(cifar_dir), split='test')):
    tenth = np.bincount(labels[:len(labels) // 10], minlength=10)
    assert tenth.min() > tenth.mean() / 2


def test_digits_are_balanced():
  labels = digits.labels('', size=16)
  assert len(labels) == 1797 and labels[:3].tolist() == [0, 1, 2]
  assert np.bincount(labels).min() > 170


def png(value):
  file = io.BytesIO()
  Image.new('RGB', (16, 16), (value,) * 3).save(file, 'PNG')
  return file.getvalue()


@pytest.fixture
def folders(tmp_path):
  """Two cats and a dog; a dog lies one folder deeper."""
  for name in ('dog/x/1.png', 'cat/2.png', 'cat/3.png'):
    path = tmp_path / 'set' / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(int(path.stem)))
  return tmp_path / 'set'


@pytest.mark.parametrize('name', lookup.names('data'))
def test_a_set_with_labels_says_its_classes(name):
  module = lookup.find('data', name)
  says = hasattr(module, 'classes') or hasattr(module, 'classes_in')
  assert hasattr(module, 'labels') == says


def test_folders_are_the_classes_of_their_images(folders):
  assert image_folder.classes_in(str(folders)) == ('cat', 'dog')
  assert image_folder.labels(str(folders)).tolist() == [0, 0, 1]
  source = image_folder.load(str(folders), size=16)
  assert [source[i][0, 0, 0] for i in range(3)] == [2, 3, 1]
  (folders / 'cat' / '2.png').write_bytes(b'broken')
  assert image_folder.labels(str(folders), size=16, skip_bad=True
                             ).tolist() == [0, 1]
  (folders / '4.png').write_bytes(png(4))
  with pytest.raises(UserError, match='4.png is in no folder of'):
    image_folder.labels(str(folders))


def test_a_run_learns_the_classes_of_files_and_counts_them(folders):
  c = configs.base()
  c.data = {'name': 'image_folder', 'labels': True, 'size': 16}
  c.pipeline.first = 2
  with pytest.raises(UserError, match='no training image is of dog, and'):
    labelling.settled(configs.complete(c), str(folders))
  c.classes.fakes = 'data'
  done = labelling.settled(configs.complete(c), str(folders))
  assert done.classes.names == ('cat', 'dog') and done.classes.counts == (2, 0)
  assert labelling.settled(done, str(folders)) == done
  c.classes.names = ('katze', 'hund')  # of the user's own
  assert labelling.settled(configs.complete(c), str(folders)
                           ).classes.names == ('katze', 'hund')
  c.classes.names = ('a', 'b', 'c')
  with pytest.raises(UserError, match='3 classes, a, b, c, and image_folder 2'):
    labelling.settled(configs.complete(c), str(folders))


def test_names_of_classes_are_read_from_parquet_files(tmp_path):
  rows = [{'bytes': png(i), 'path': None} for i in range(3)]
  table = pa.table({'image': rows, 'label': [1, 0, 1]})
  features = {'label': {'names': ['cat', 'dog'], '_type': 'ClassLabel'}}
  pq.write_table(table, tmp_path / 'a.parquet')
  assert image_parquet.classes_in(str(tmp_path), size=16) == ('0', '1')
  pq.write_table(table.replace_schema_metadata({'huggingface': json.dumps(
      {'info': {'features': features}})}), tmp_path / 'a.parquet')
  assert image_parquet.classes_in(str(tmp_path), size=16) == ('cat', 'dog')
  pq.write_table(table.drop_columns(['label']), tmp_path / 'a.parquet')
  with pytest.raises(UserError, match="no column 'label'.*data.label=NAME"):
    image_parquet.classes_in(str(tmp_path), size=16)


def test_a_zip_file_without_labels_has_no_classes(tmp_path):
  import zipfile
  with zipfile.ZipFile(tmp_path / 'a.zip', 'w') as archive:
    archive.writestr('a.png', png(0))
    archive.writestr('b.png', png(1))
  with pytest.raises(UserError, match='no dataset.json with labels'):
    image_zip.classes_in(str(tmp_path), size=16)
  with zipfile.ZipFile(tmp_path / 'a.zip', 'a') as archive:
    archive.writestr('dataset.json', '{"labels": [["a.png", 2], ["b.png", 0]]}')
  assert image_zip.classes_in(str(tmp_path), size=16) == ('0', '1', '2')


def test_each_mode_of_a_mixture_is_a_class():
  labels = mixture.labels('', kind='ring', count=20)
  mode, _ = mixture.nearest(mixture.load('', kind='ring', count=20),
                            kind='ring')
  np.testing.assert_array_equal(labels, mode)
  assert len(mixture.classes()) == 25


def test_cifar100_has_fine_labels(tmp_path, monkeypatch):
  rows = np.zeros((3, 3074), np.uint8)
  rows[:, 0], rows[:, 1] = [9, 9, 9], [0, 99, 5]
  folder = tmp_path / 'cifar-100-binary'
  folder.mkdir()
  (folder / 'train.bin').write_bytes(rows.tobytes())
  monkeypatch.setattr(cifar100, '_FILES', {'train': ((
      'cifar-100-binary', {'train.bin': hashlib.sha256(rows).hexdigest()}),)})
  assert cifar100.labels(str(tmp_path)).tolist() == [0, 99, 5]
  assert len(cifar100.classes()) == 100 and cifar100.classes()[99] == 'worm'


def test_stl10_has_labels_of_its_labelled_splits(tmp_path, monkeypatch):
  data = bytes([1, 10, 3])
  (tmp_path / 'stl10_binary').mkdir()
  (tmp_path / 'stl10_binary' / 'train_y.bin').write_bytes(data)
  monkeypatch.setitem(stl10._LABELS, 'train', (
      'train_y.bin', hashlib.md5(data).hexdigest()))
  assert stl10.labels(str(tmp_path), split='train').tolist() == [0, 9, 2]
  with pytest.raises(UserError, match='images without labels'):
    stl10.labels(str(tmp_path))


def test_tiny_imagenet_has_the_labels_of_its_folders_and_annotations(
    tmp_path, monkeypatch):
  home = tmp_path / 'tiny-imagenet-200'
  (home / 'val' / 'images').mkdir(parents=True)
  (home / 'wnids.txt').write_text('n2\nn1\n')
  for name in ('n1', 'n2'):
    (home / 'train' / name / 'images').mkdir(parents=True)
    (home / 'train' / name / 'images' / f'{name}_0.JPEG').write_bytes(b'')
    (home / 'val' / 'images' / f'val_{name}.JPEG').write_bytes(b'')
  (home / 'val' / 'val_annotations.txt').write_text(
      'val_n2.JPEG\tn1\t0\nval_n1.JPEG\tn2\t0\n')
  monkeypatch.setattr(tiny_imagenet, '_COUNTS', {'train': 2, 'val': 2})
  assert tiny_imagenet.classes_in(str(tmp_path)) == ('n1', 'n2')
  assert tiny_imagenet.labels(str(tmp_path)).tolist() == [0, 1]
  assert tiny_imagenet.labels(str(tmp_path), split='val').tolist() == [1, 0]
  (home / 'val' / 'val_annotations.txt').write_text('val_n2.JPEG\tn1\t0\nval')
  with pytest.raises(UserError, match='val_n1.JPEG is of no class in wnids'):
    tiny_imagenet.labels(str(tmp_path), split='val')


def test_images_without_a_label_among_others_are_refused(monkeypatch):
  monkeypatch.setattr(digits, 'labels', lambda data_dir, size: np.arange(
      1797, dtype=np.int32) % 11 - 1)
  c = configs.base()
  c.data = {'name': 'digits', 'labels': True}
  with pytest.raises(UserError, match='digits has the label -1'):
    labelling.settled(configs.complete(c), '')


def test_a_set_of_tfds_without_classes_is_said(prepared):
  with pytest.raises(UserError, match="'tiny_made' has no feature 'label' wi"):
    tfds_source.labels(str(prepared[0]), dataset='tiny_made')


def test_classes_of_tfds_are_read_without_images(prepared, monkeypatch):
  home = str(prepared[0])
  assert tfds_source.classes_in(home, dataset='rock_paper_scissors') == (
      'rock', 'paper', 'scissors')
  monkeypatch.setattr(Image, 'open', None)  # nothing is decoded
  labels = tfds_source.labels(home, dataset='rock_paper_scissors')
  assert sorted(labels.tolist()) == [*range(6)] and labels.dtype == np.int32
