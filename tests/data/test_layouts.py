"""docs/data.md: each set has its section, whose layout its loader reads."""
import hashlib
import inspect
import pathlib
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from jgan import lookup
from jgan.data import celeba, cifar10, cifar100, mnist, stl10, tiny_imagenet

TEXT = (pathlib.Path(__file__).resolve().parents[2] / 'docs' / 'data.md'
        ).read_text()
SECTIONS = dict(re.findall(r'^## (\w+): (.*?)(?=^## |\Z)', TEXT,
                           re.MULTILINE | re.DOTALL))
IMAGES = np.random.default_rng(0).integers(0, 256, (4, 96, 96, 3), np.uint8)


def layouts(name):
  """The file names of each layout shown, below the data directory."""
  return [[line.removeprefix('DATA/') for line in block.split()
           if not line.endswith('...')]
          for block in re.findall(r'```\n(.*?)```', SECTIONS[name], re.DOTALL)]


def write(folder, files, content):
  """Makes the files of a layout; content: (i, name) -> bytes or an image."""
  for i, file in enumerate(files):
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content(i, path.name)
    if isinstance(data, bytes):
      path.write_bytes(data)
    else:
      Image.fromarray(data).save(path)


def test_every_data_set_has_its_section_and_no_other_has():
  assert {*SECTIONS} == {*lookup.names('data')}


@pytest.mark.parametrize('name', lookup.names('data'))
def test_a_section_has_every_key_and_the_address_of_the_messages(name):
  module = lookup.find('data', name)
  for key in inspect.getfullargspec(module.load).kwonlyargs:
    assert f'`{key}`' in SECTIONS[name], key
  for key in ('_PUBLISHED', '_URL'):
    address = getattr(module, key, '')
    address = getattr(address, 'url', address)
    assert address.split(' ')[0] in SECTIONS[name]


def test_celeba_is_read_in_the_layout_shown(tmp_path, monkeypatch):
  files, = layouts('celeba')
  assert len(files) == 2
  write(tmp_path, files, lambda i, _: IMAGES[i])
  monkeypatch.setattr(celeba, '_TOTAL', 2)
  assert len(celeba.load(str(tmp_path))) == 2


@pytest.mark.parametrize('layout', [0, 1])
def test_cifar10_is_read_in_the_layouts_shown(layout, cifar_dir, tmp_path):
  """Of the real files the test batch."""
  files = layouts('cifar10')[layout]
  (folder, train), (_, test) = (cifar10._FILES[split][layout]
                                for split in ('train', 'test'))
  assert files == [f'{folder}/{name}' for name in (*train, *test)]
  (tmp_path / folder).mkdir()
  shutil.copy(cifar_dir / files[-1], tmp_path / files[-1])
  assert cifar10.load(str(tmp_path), split='test').shape == (10000, 32, 32, 3)


@pytest.mark.parametrize('layout', [0, 1])
def test_cifar100_is_looked_for_in_the_layouts_shown(layout):
  (folder, train), (_, test) = (cifar100._FILES[split][layout]
                                for split in ('train', 'test'))
  assert layouts('cifar100')[layout] == [
      f'{folder}/{name}' for name in (*train, *test)]


def test_image_folder_reads_the_layout_shown(tmp_path):
  files, = layouts('image_folder')
  write(tmp_path, files, lambda i, _: IMAGES[i])
  source = lookup.find('data', 'image_folder').load(str(tmp_path))
  assert [str(path.relative_to(tmp_path)) for path in source.paths] == files


def test_mnist_is_read_in_the_layout_shown(shared, tmp_path):
  files, = layouts('mnist')
  write(tmp_path, files,
        lambda _, name: (shared / 'mnist' / name).read_bytes())
  assert mnist.load(str(tmp_path), split='test').shape == (10000, 28, 28, 1)
  assert len(mnist.labels(str(tmp_path), split='test')) == 10000


def test_stl10_is_read_in_the_layout_shown(tmp_path, monkeypatch):
  files, = layouts('stl10')
  write(tmp_path, files, lambda i, _: IMAGES[i].tobytes())
  for i, part in enumerate(('train', 'unlabeled', 'test')):
    monkeypatch.setitem(stl10._MD5, part,
                        hashlib.md5(IMAGES[i].tobytes()).hexdigest())
  assert len(stl10.load(str(tmp_path))) == 2
  assert len(stl10.load(str(tmp_path), split='test')) == 1


def test_a_prepared_set_has_the_layout_shown(prepared):
  files, = layouts('tfds_source')
  assert all((prepared[0] / file).is_file() for file in files)


def test_tiny_imagenet_is_read_in_the_layout_shown(tmp_path, monkeypatch):
  files, = layouts('tiny_imagenet')
  write(tmp_path, files, lambda i, name: (
      b'n01443537\n' if name.endswith('.txt') else IMAGES[i - 1, :64, :64]))
  for split in ('train', 'val', 'test'):
    monkeypatch.setitem(tiny_imagenet._COUNTS, split, 1)
    assert len(tiny_imagenet.load(str(tmp_path), split=split)) == 1
