"""Any image data set of tensorflow-datasets (TFDS): 'tfds:NAME' in a config.

A data set that was prepared as array_record is read without TensorFlow.
Preparing it needs TensorFlow (requirements-tfds.txt), once, on any machine:

  tfds build NAME --file_format=array_record --data_dir=DIR
"""
import contextlib
import importlib.util

import numpy as np
from PIL import Image

from jgan.data import _decode, _official, _require, _resize
from jgan.errors import UserError
from jgan.types import ImageSpec

_URL = 'https://www.tensorflow.org/datasets/catalog'
_OWN = 'tensorflow_datasets.'  # where the classes of its own features are


def info(*, dataset='', split='train', size=32, channels=3, key='image',
         alpha='white'):
  """ImageSpec of the images from `load`, after resizing."""
  del split, key
  if not dataset:
    raise UserError("data.dataset is empty: name a set, as in 'tfds:mnist'")
  _require.at_least('size', size, 1)
  _require.one_of('channels', channels, _decode.MODES)
  _require.one_of('alpha', alpha, _decode.ALPHA)
  return ImageSpec((size, size, channels))


def load(data_dir, *, dataset='', split='train', size=32, channels=3,
         key='image', alpha='white'):
  """Opens a prepared data set, or prepares it if TensorFlow is installed.

  The central square of each image is resized to size x size (Lanczos).

  dataset: a name in TFDS' notation, 'celeb_a' or 'imagenet_resized/64x64'.
    Community data sets ('kubric:movi') are refused, as their code would run.
  split: in TFDS' notation, 'train' or 'test[:50%]'.
  key: name of the image in the features of the data set.
  alpha: what transparent pixels are laid on: white | black | ignore.

  Returns: a source of [size, size, channels] uint8 that decodes on access.

  Raises:
    UserError: no such set, split or feature, or it cannot be prepared.
  """
  info(dataset=dataset, size=size, channels=channels, alpha=alpha)
  builder, records = _opened(data_dir, dataset, split)
  if key not in builder.info.features:
    raise UserError(f"'{dataset}' has no feature data.key='{key}', it has "
                    f'{", ".join(builder.info.features)}')
  feature = builder.info.features[key]
  if feature.np_dtype != np.uint8 or len(feature.shape) != 3:
    raise UserError(f"feature '{key}' of '{dataset}' is {feature.shape} "
                    f'{feature.np_dtype}, not an image of bytes')
  return _Records(records, key, size, channels, alpha)


def classes_in(data_dir, *, dataset='', split='train', key='image', **_):
  """The names of the classes: those of the feature 'label'.

  Raises:
    UserError: as `load`, or there is no such feature, or it has no classes.
  """
  builder, _ = _opened(data_dir, dataset, split)
  return _classes(builder, dataset)


def labels(data_dir, *, dataset='', split='train', key='image', **_):
  """The class of each image of `load`: [n] int32; images are not decoded.

  Raises:
    UserError: as `classes_in`.
  """
  from tensorflow_datasets import decode
  builder, records = _opened(data_dir, dataset, split,
                             decoders={key: decode.SkipDecoding()})
  _classes(builder, dataset)
  return np.array([int(record['label']) for record in records], np.int32)


def _classes(builder, dataset):
  """The names of the feature 'label'."""
  features = builder.info.features
  names = getattr(features['label'], 'names', ()) if 'label' in features else ()
  if not names:
    raise UserError(f"'{dataset}' has no feature 'label' with classes, it has "
                    f'{", ".join(features)}')
  return tuple(names)


def _opened(data_dir, dataset, split, **options):
  """The builder of a prepared data set, and its records.

  options: of as_data_source.

  Raises:
    UserError: no such set or split, or it cannot be prepared.
  """
  base = _official.root(data_dir, _official.Published(
      f"'{dataset}' prepared by tfds build", _URL))
  import tensorflow_datasets as tfds
  # tensorflow-datasets raises many types of exceptions, even AssertionError.
  try:
    name, _ = tfds.core.naming.parse_builder_name_kwargs(dataset)
    if name.namespace:
      raise ValueError(f'data sets of {name.namespace} are code from elsewhere')
    with _own_features(tfds.features.FeatureConnector):
      builder = tfds.builder(dataset, data_dir=base, file_format='array_record')
    prepared = builder.is_prepared()
    if not prepared and importlib.util.find_spec('tensorflow'):
      builder.download_and_prepare()
      prepared = True
    records = (builder.as_data_source(split, **options) if prepared
               else None)
  except Exception as error:
    reason = str(error).strip().split('\n')[0]
    raise UserError(f"tensorflow-datasets cannot give '{dataset}' "
                    f"({split}) in {base}: {reason}; its sets: {_URL}, see "
                    'docs/data.md') from error
  if records is None:
    raise UserError(f"'{dataset}' is not prepared in {base} as array_record, "
                    'which takes TensorFlow: where requirements-tfds.txt is '
                    f'installed, run tfds build {dataset} '
                    f'--file_format=array_record --data_dir={base}; its '
                    f'sets: {_URL}, see docs/data.md')
  return builder, records


@contextlib.contextmanager
def _own_features(connector):
  """Refuses feature classes that are not those of tensorflow-datasets.

  The data folder's features.json names a class for each feature, whose module
  would be imported: it may be a file of that folder.

  connector: the class FeatureConnector of tensorflow-datasets, which finds the
    classes.
  """
  original = connector.__dict__['cls_from_name']

  def checked(name):
    if not name.startswith(_OWN):
      raise ValueError(f"features.json names '{name}', and only feature "
                       f"classes of '{_OWN}...' are used")
    return original.__get__(None, connector)(name)

  connector.cls_from_name = staticmethod(checked)
  try:
    yield
  finally:
    connector.cls_from_name = original


class _Records:
  """source[i] of a TFDS data source, which already decodes the images."""

  dtype = np.dtype(np.uint8)

  def __init__(self, records, key, size, channels, alpha):
    self._records, self._key, self._alpha = records, key, alpha
    self.shape = (len(records), size, size, channels)

  def __len__(self):
    return self.shape[0]

  def __getitem__(self, i):
    _, size, _, channels = self.shape
    array = self._records[int(i)][self._key]
    image = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
    image = _decode.flatten(image, channels, alpha=self._alpha)
    return np.asarray(_resize.square(image, size, _resize.LANCZOS)).reshape(
        self.shape[1:])

  def raw(self, i):
    """The record of an image, with all its features."""
    return self._records.data_source[int(i)]
