"""Sets of tensorflow-datasets, prepared and read without TensorFlow."""
import json
import shutil
import sys

import numpy as np
import pytest

from jgan import batches
from jgan.data import tfds_source
from jgan.errors import UserError


def test_a_stock_set_is_read_where_it_was_prepared(prepared):
  home, arrays = prepared
  source = tfds_source.load(str(home), dataset='rock_paper_scissors', size=12)
  found = sorted(source[i].tobytes() for i in range(len(source)))
  assert found == sorted(a[:, 4:-4].tobytes() for a in arrays)


def test_a_prepared_set_is_read_without_tensorflow(prepared):
  home, arrays = prepared
  source = tfds_source.load(str(home), dataset='tiny_made', size=12)
  assert source.shape == (6, 12, 12, 3) and len(source) == 6
  assert source.dtype == np.uint8
  for i in range(6):
    np.testing.assert_array_equal(source[i], arrays[i][:, 4:-4])
  assert len(batches.fingerprint(source)) == 16
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


def copied(home, tmp_path, features):
  """The prepared set with other features.json."""
  shutil.copytree(home / 'tiny_made', tmp_path / 'tiny_made')
  file = tmp_path / 'tiny_made' / '1.0.0' / 'features.json'
  file.write_text(json.dumps(features))


CLASSES = ('payload.Evil', 'data.evil.payload.Evil', 'os.Evil', 'antigravity.x')


@pytest.mark.parametrize('features', [
    *({'pythonClassName': name, 'featuresDict': {'features': {}}}
      for name in CLASSES),
    {'type': 'payload.Evil', 'content': {}},
    {'pythonClassName':
     'tensorflow_datasets.core.features.features_dict.FeaturesDict',
     'featuresDict': {'features': {'image': {
         'pythonClassName': 'payload.Evil',
         'image': {'shape': {'dimensions': ['2', '2', '3']}}}}}},
    {'pythonClassName':
     'tensorflow_datasets.core.features.sequence_feature.Sequence',
     'sequence': {'feature': {'pythonClassName': 'payload.Evil',
                              'jsonFeature': {'json': '{}'}}}},
])
def test_no_feature_class_from_elsewhere_is_imported(
    features, prepared, tmp_path, monkeypatch):
  copied(prepared[0], tmp_path, features)
  (tmp_path / 'payload.py').write_text('raise SystemExit("it ran")')
  monkeypatch.syspath_prepend(str(tmp_path))
  with pytest.raises(UserError, match='only feature classes of') as e:
    tfds_source.load(str(tmp_path), dataset='tiny_made')
  assert '\n' not in str(e.value)
  assert not {'payload', 'antigravity'} & {*sys.modules}


def test_a_set_that_is_read_later_may_have_any_features_of_its_own(prepared):
  """Other programs that use tensorflow-datasets find it as it was."""
  tfds = pytest.importorskip('tensorflow_datasets')
  before = tfds.features.FeatureConnector.__dict__['cls_from_name']
  with pytest.raises(UserError):
    tfds_source.load(str(prepared[0]), dataset='tiny_maid')
  assert tfds.features.FeatureConnector.__dict__['cls_from_name'] is before


@pytest.mark.parametrize('name', ['kubric:movi_a', 'huggingface:mnist'])
def test_a_community_set_runs_no_code(name, tmp_path):
  with pytest.raises(UserError, match='code from elsewhere'):
    tfds_source.load(str(tmp_path), dataset=name)


def test_a_stock_set_says_how_to_prepare_it(tmp_path, monkeypatch):
  monkeypatch.setattr(tfds_source.importlib.util, 'find_spec',
                      lambda name: None)
  with pytest.raises(UserError, match='tfds build mnist'):
    tfds_source.load(str(tmp_path), dataset='mnist')
