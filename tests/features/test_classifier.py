"""The classifier that is trained here: right, repeatable, cached."""
import jax
import numpy as np
import pytest

from jgan.data import digits
from jgan.errors import UserError
from jgan.features import _extractor, classifier


@pytest.fixture
def short(monkeypatch):
  """Trains for fewer steps."""
  monkeypatch.setitem(classifier._TRAINING, 'steps', 60)


@pytest.fixture(scope='module')
def images():
  return digits.load('', size=8)


@pytest.fixture(scope='module')
def labels():
  return digits.labels('')


def test_it_learns_digits_it_has_not_seen(images, labels, tmp_path,
                                          monkeypatch):
  monkeypatch.setitem(classifier._TRAINING, 'steps', 300)
  net = classifier.load(images[:1500], labels[:1500], cache=tmp_path)
  run = _extractor.compiled(net, jax.devices()[:1])
  out = run(images[1500:])
  assert np.mean(out['logits'].argmax(1) == labels[1500:]) > .88
  assert out['features'].shape == (297, net.dims) and net.classes == 10
  assert net.name == f'classifier-{net.sha256[:8]}'
  assert net.distance == f'FD-{net.name}'


def test_it_is_repeatable_and_read_back_from_its_cache(
    images, labels, tmp_path, short, monkeypatch):
  first = classifier.load(images, labels, cache=tmp_path / 'a')
  again = classifier.load(images, labels, cache=tmp_path / 'b')
  assert first.sha256 == again.sha256
  other = classifier.load(images, labels, seed=1, cache=tmp_path / 'a')
  assert other.name != first.name
  monkeypatch.setattr(classifier, '_train', None)  # nothing is trained now
  cached = classifier.load(images, labels, cache=tmp_path / 'a')
  assert cached.sha256 == first.sha256
  jax.tree.map(np.testing.assert_array_equal, cached.variables, first.variables)
  with pytest.raises(TypeError):  # other data, other network
    classifier.load(images[1:], labels[1:], cache=tmp_path / 'a')


def test_without_labels_it_learns_rotations_and_says_so(
    images, tmp_path, short):
  net = classifier.load(images, cache=tmp_path)
  assert net.name.startswith('rotation-') and net.classes == 4
  run = _extractor.compiled(net, jax.devices()[:1])
  turned = np.rot90(images, 1, (1, 2))
  found = run(turned)['logits'].argmax(1)
  assert np.mean(found == 1) > .5  # of 4, after 60 steps


def test_a_damaged_cache_is_trained_anew_which_is_said(
    images, labels, tmp_path, short, caplog):
  name = classifier.load(images, labels, cache=tmp_path).name
  (file,) = tmp_path.iterdir()
  whole = file.read_bytes()
  file.write_bytes(whole[:100])
  assert classifier.load(images, labels, cache=tmp_path).name == name
  assert f'cannot read {file}' in caplog.text
  assert file.read_bytes() == whole
  np.savez(file, a=np.zeros(3))
  assert classifier.load(images, labels, cache=tmp_path).name == name
  assert 'holds other arrays than were written' in caplog.text


@pytest.mark.parametrize('change, message', [
    (lambda x, y: (x[:, :6], y), 'of 8 x 8 or more, not from 1797 of 6 x 8'),
    (lambda x, y: (x, y[1:]), r'labels of shape \[1796\]'),
    (lambda x, y: (x, y - 1), 'integers from 0 on'),
    (lambda x, y: (x, y / 1), 'type float64'),
    (lambda x, y: (x / 255, y), 'of uint8'),
    (lambda x, y: (np.repeat(x, 2, 1), None), 'square images, not from 16 x 8'),
])
def test_what_it_cannot_learn_from_is_refused(images, labels, change, message,
                                              tmp_path):
  with pytest.raises(UserError, match=message):
    classifier.load(*change(images, labels), cache=tmp_path)
  assert not list(tmp_path.iterdir())


def test_it_scores_images_of_its_own_shape_only(images, labels, tmp_path,
                                                short):
  net = classifier.load(images, labels, cache=tmp_path)
  run = _extractor.compiled(net, jax.devices()[:1])
  with pytest.raises(UserError, match=r'\[8, 8, 1\], these are \[16, 16, 1\]'):
    run(np.zeros((2, 16, 16, 1), np.uint8))
