"""Sets of tensorflow-datasets, prepared and read without TensorFlow."""
import sys

import numpy as np
import pytest
from PIL import Image

from jgan.data import tfds_source
from jgan.errors import UserError


@pytest.fixture(scope='module')
def prepared(tmp_path_factory):
  """A directory with the TFDS set 'tiny_made' of 6 PNG images of 20 x 12."""
  tfds = pytest.importorskip('tensorflow_datasets')
  folder = tmp_path_factory.mktemp('pngs')
  rng = np.random.default_rng(0)
  arrays = rng.integers(0, 256, (6, 12, 20, 3), np.uint8)
  for i, array in enumerate(arrays):
    Image.fromarray(array).save(folder / f'{i}.png')

  class TinyMade(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version('1.0.0')

    def _info(self):
      return tfds.core.DatasetInfo(builder=self, features=tfds.features.
                                   FeaturesDict({
                                       'image': tfds.features.Image(),
                                       'label': np.int64}))

    def _split_generators(self, dl_manager):
      return {'train': self._generate_examples()}

    def _generate_examples(self):
      for i in range(len(arrays)):
        yield i, {'image': str(folder / f'{i}.png'), 'label': i}

  home = tmp_path_factory.mktemp('tfds')
  builder = TinyMade(data_dir=str(home), file_format='array_record')
  builder.download_and_prepare()
  order = [int(r['label']) for r in builder.as_data_source('train')]
  return home, arrays[order]


def test_a_prepared_set_is_read_without_tensorflow(prepared):
  home, arrays = prepared
  source = tfds_source.load(str(home), dataset='tiny_made', size=12)
  assert source.shape == (6, 12, 12, 3) and len(source) == 6
  assert source.dtype == np.uint8
  for i in range(6):
    np.testing.assert_array_equal(source[i], arrays[i][:, 4:-4])
  assert 'tensorflow' not in sys.modules


def test_slices_greys_and_sizes_are_taken(prepared):
  home, _ = prepared
  source = tfds_source.load(str(home), dataset='tiny_made', size=8, channels=1,
                            split='train[:50%]')
  assert source.shape == (3, 8, 8, 1)
  assert source[2].shape == (8, 8, 1)


@pytest.mark.parametrize('arguments,words', [
    ({'dataset': 'tiny_maid'}, 'tiny_maid'),
    ({'dataset': 'tiny_made', 'split': 'trian'}, 'trian'),
    ({'dataset': 'tiny_made', 'key': 'picture'}, "has no .*'picture'.*image"),
    ({'dataset': 'tiny_made', 'key': 'label'}, "'label' .* not an image"),
    ({'dataset': ''}, 'data.dataset is empty'),
])
def test_what_tfds_cannot_give_is_one_line(prepared, arguments, words):
  home, _ = prepared
  with pytest.raises(UserError, match=words) as e:
    tfds_source.load(str(home), **arguments)
  assert '\n' not in str(e.value) and len(str(e.value)) < 400


def test_a_stock_set_says_how_to_prepare_it(tmp_path, monkeypatch):
  monkeypatch.setattr(tfds_source.importlib.util, 'find_spec',
                      lambda name: None)
  with pytest.raises(UserError, match='requirements-tfds.txt'):
    tfds_source.load(str(tmp_path), dataset='mnist')
