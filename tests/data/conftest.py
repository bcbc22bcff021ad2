"""Real data beside the repository, in the layouts users have."""
import importlib.util
import pathlib

import numpy as np
import pytest
from PIL import Image

SHARED = pathlib.Path(__file__).resolve().parents[3] / 'shared' / 'data'


@pytest.fixture(scope='session')
def shared():
  if not SHARED.is_dir():
    pytest.skip(f'no real data: {SHARED} does not exist')
  return SHARED


@pytest.fixture(scope='session')
def unpack(shared):
  """The module that unpacks the shared data, told to do a few batches."""
  spec = importlib.util.spec_from_file_location('unpack', shared / 'unpack.py')
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


@pytest.fixture(scope='session')
def cifar_dir(unpack, tmp_path_factory):
  """Holds both layouts of CIFAR-10: the test batch and two of training."""
  out = tmp_path_factory.mktemp('cifar')
  unpack.BATCHES = ['data_batch_1', 'data_batch_2', 'test_batch']
  unpack.cifar10(out)
  unpack.BATCHES = ['test_batch']
  unpack.cifar10_py(out)
  return out


def prepare(named, version, home, pngs):
  """Prepares a TFDS set of PNG files, as array_record."""
  tfds = pytest.importorskip('tensorflow_datasets')
  with tfds.core.registered.skip_registration():

    class Made(tfds.core.GeneratorBasedBuilder):
      name = named
      VERSION = tfds.core.Version(version)
      url_infos = {}  # noqa: RUF012, nothing is downloaded

      def _info(self):
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.FeaturesDict(
                {'image': tfds.features.Image(), 'label': np.int64}))

      def _split_generators(self, dl_manager):
        return {'train': self._generate_examples()}

      def _generate_examples(self):
        for i, png in enumerate(pngs):
          yield i, {'image': str(png), 'label': i}

  builder = Made(data_dir=str(home), file_format='array_record')
  builder.download_and_prepare()
  return [int(r['label']) for r in builder.as_data_source('train')]


@pytest.fixture(scope='session')
def prepared(tmp_path_factory):
  """A directory with two sets, and the images in the order of tiny_made."""
  home = tmp_path_factory.mktemp('tfds')
  arrays = np.random.default_rng(0).integers(0, 256, (6, 12, 20, 3), np.uint8)
  pngs = [home / f'{i}.png' for i in range(len(arrays))]
  for png, array in zip(pngs, arrays):
    Image.fromarray(array).save(png)
  order = prepare('tiny_made', '1.0.0', home, pngs)
  prepare('rock_paper_scissors', '3.0.0', home, pngs)
  return home, arrays[order]
