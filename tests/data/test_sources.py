"""What every data set in jgan/data promises, whichever it is."""
import inspect
import subprocess
import sys

import numpy as np
import pytest

from jgan import lookup
from jgan.errors import UserError
from jgan.types import ImageSpec

NAMES = lookup.names('data')
FREE = ('digits', 'mixture')  # need no files
YOURS = ('image_folder', 'image_zip')  # come from nowhere else
GIVEN = {'tfds_source': {'dataset': 'mnist'}}


def keywords(function):
  found = inspect.signature(function).parameters.values()
  return {p.name: p.default for p in found if p.kind == p.KEYWORD_ONLY}


def test_the_known_sets_are_there():
  assert set(NAMES) == {
      'celeba', 'cifar10', 'cifar100', 'digits', 'image_folder',
      'image_parquet', 'image_zip', 'mixture', 'mnist', 'stl10', 'tfds_source',
      'tiny_imagenet'}


@pytest.mark.parametrize('name', NAMES)
def test_info_and_load_take_the_same_plain_arguments(name):
  module = lookup.find('data', name)
  assert keywords(module.info) == keywords(module.load)
  for default in keywords(module.load).values():
    assert type(default) in (int, float, str, bool)
  positional = [p for p in inspect.signature(module.load).parameters.values()
                if p.kind != p.KEYWORD_ONLY]
  assert [p.name for p in positional] == ['data_dir']


@pytest.mark.parametrize('name', NAMES)
def test_info_needs_no_files(name):
  spec = lookup.find('data', name).info(**GIVEN.get(name, {}))
  assert isinstance(spec, ImageSpec)
  assert len(spec.shape) == 3 and spec.shape[0] == spec.shape[1]
  assert spec.count is None or spec.count > 0


@pytest.mark.parametrize('name', [n for n in NAMES if n not in FREE])
def test_a_missing_data_dir_is_said_in_one_line(name, tmp_path):
  load = lookup.find('data', name).load
  with pytest.raises(UserError, match='give --data_dir or set JGAN_DATA') as e:
    load('', **GIVEN.get(name, {}))
  assert '\n' not in str(e.value)
  with pytest.raises(UserError, match='nowhere does not exist'):
    load(str(tmp_path / 'nowhere'), **GIVEN.get(name, {}))
  (tmp_path / 'file').write_text('no')
  with pytest.raises(UserError, match='file is not a directory'):
    load(str(tmp_path / 'file'), **GIVEN.get(name, {}))


@pytest.mark.parametrize('name', [n for n in NAMES if n not in FREE])
def test_an_empty_data_dir_is_said_in_one_line(name, tmp_path):
  with pytest.raises(UserError) as e:
    lookup.find('data', name).load(str(tmp_path), **GIVEN.get(name, {}))
  assert str(tmp_path) in str(e.value) and '\n' not in str(e.value)
  assert 'docs/data.md' in str(e.value)
  if name not in YOURS:
    assert 'http' in str(e.value)


@pytest.mark.parametrize('name', [n for n in NAMES if n not in FREE])
def test_a_wrong_split_or_size_is_refused_without_files(name):
  module = lookup.find('data', name)
  given = GIVEN.get(name, {})
  with pytest.raises(UserError, match=r'data.size is 0, it must be at least 1'):
    module.info(size=0, **given)
  if name not in (*YOURS, 'tfds_source'):
    with pytest.raises(UserError, match="no 'tets' for "
                       r"data.split: did you mean 'test'"):
      module.info(split='tets', **given)


@pytest.mark.parametrize('name', FREE)
def test_sets_without_files_are_what_info_says(name):
  module = lookup.find('data', name)
  spec, images = module.info(), module.load('')
  assert images.shape == (spec.count, *spec.shape)
  assert images.dtype in (np.uint8, np.float32)


def test_importing_every_source_imports_nothing_heavy():
  script = (
      'import sys\n'
      'from jgan import batches, lookup\n'
      "for name in lookup.names('data'): lookup.find('data', name)\n"
      "heavy = 'tensorflow tensorflow_datasets sklearn grain torch'.split()\n"
      "sys.exit(' '.join(m for m in heavy if m in sys.modules) or 0)\n")
  done = subprocess.run([sys.executable, '-c', script], capture_output=True,
                        text=True)
  assert done.returncode == 0, done.stderr


def test_training_data_needs_no_tensorflow(shared):
  script = (
      'import sys\n'
      'import numpy as np\n'
      'from jgan import batches\n'
      'from jgan.data import digits, mnist\n'
      f"for images in digits.load(''), mnist.load({str(shared)!r},"
      " split='test'):\n"
      '  stream = batches.stream(\n'
      '      images, lambda step: np.arange(4)[None], 3)\n'
      '  next(stream)\n'
      '  stream.close()\n'
      "sys.exit('tensorflow' in sys.modules)\n")
  done = subprocess.run([sys.executable, '-c', script], capture_output=True,
                        text=True)
  assert done.returncode == 0, done.stderr
