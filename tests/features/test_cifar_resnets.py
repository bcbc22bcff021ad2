"""Published weights on the published test images, to the last image."""
import pathlib
import shutil

import jax
import numpy as np
import pytest
from PIL import Image

from jgan.data import cifar10
from jgan.errors import UserError
from jgan.features import _cifar_resnet, _extractor, resnet20, resnet56

SHARED = pathlib.Path(__file__).resolve().parents[3] / 'shared' / 'data'


@pytest.fixture(scope='module')
def shared():
  if not SHARED.is_dir():
    pytest.skip(f'no weights: {SHARED} does not exist')
  return SHARED


@pytest.fixture(scope='module')
def test_batch(shared):
  """The test images and labels in their official order."""
  mosaic = Image.open(shared / 'cifar10' / 'test_batch.webp').convert('RGB')
  tiles = np.asarray(mosaic).reshape(100, 32, 100, 32, 3)
  images = tiles.transpose(0, 2, 1, 3, 4).reshape(-1, 32, 32, 3)
  return images, np.load(shared / 'cifar10' / 'labels.npz')['test_batch']


def right(net, images, labels):
  """How many images the network is right about."""
  logits = _extractor.compiled(net, jax.devices()[:1])(images)['logits']
  return int((logits.argmax(1) == labels).sum())


@pytest.mark.long
def test_resnet20_is_right_about_9173_of_10000(shared, test_batch):
  net = resnet20.load(data_dir=str(shared))
  assert right(net, *test_batch) == 9173


def test_resnet20_is_right_about_915_of_1000(shared, test_batch):
  net = resnet20.load(data_dir=str(shared))
  assert right(net, *(x[:1000] for x in test_batch)) == 915
  assert (net.name, net.distance) == ('resnet20', 'FD-resnet20')
  assert net.sha256.startswith('12fca82f')
  assert net.names == cifar10.classes()


def test_resnet56_is_right_about_470_of_500(shared, test_batch):
  # 9,339 of all 10,000, which `make parity` counts: it takes half a minute.
  net = resnet56.load(data_dir=str(shared))
  assert right(net, *(x[:500] for x in test_batch)) == 470
  assert net.distance == 'FD-resnet56' and net.sha256.startswith('4bfd9763')


def test_shortcuts_skip_pixels_and_pad_channels():
  block = _cifar_resnet.Block(8, 2)
  x = np.random.default_rng(0).uniform(size=(1, 4, 4, 4)).astype(np.float32)
  spec = jax.eval_shape(block.init, jax.random.key(0), x)
  silent = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), spec)
  out = jax.jit(block.apply)(silent, x)
  np.testing.assert_array_equal(out[..., 2:6], x[:, ::2, ::2])
  assert not out[..., :2].any() and not out[..., 6:].any()


def test_weights_are_found_and_refused_by_name(shared, tmp_path):
  where = (r'resnet20-12fca82f\.th is in pretrained_models/ of https://github'
           r'.com/akamaster/pytorch_resnet_cifar10; .*--config.eval.weights=')
  with pytest.raises(UserError, match=f'needs its weights: {where}'):
    resnet20.load()
  with pytest.raises(UserError, match=f'cannot read .*No such file.*; {where}'):
    resnet20.load(data_dir=str(tmp_path))
  twenty = shared / 'cifar10_classifiers' / resnet20.FILE
  with pytest.raises(UserError, match='does not fit ResNet.* no layer1.3'):
    resnet56.load(twenty)
  copy = tmp_path / 'mine.th'
  shutil.copy(twenty, copy)
  with copy.open('ab') as file:
    file.write(b'\0')
  assert resnet20.load(copy).name.startswith('resnet20-')


def test_other_sizes_of_images_are_refused(shared):
  net = resnet20.load(data_dir=str(shared))
  run = _extractor.compiled(net, jax.devices()[:1], batch=2)
  with pytest.raises(UserError, match='32 x 32, not 16 x 32'):
    run(np.zeros((2, 16, 32, 3), np.uint8))
