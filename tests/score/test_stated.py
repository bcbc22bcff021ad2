"""Files of statistics, and what their distances are called."""
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import protocol
from jgan.errors import UserError
from jgan.features import _extractor
from jgan.score import stated, statistics
from jgan.score.scorer import Scorer
from jgan.verbs import evaluate


def file_of(path, mean, cov):
  np.savez(path, mu=np.asarray(mean, float), sigma=np.asarray(cov, float))
  return path


@pytest.fixture
def inception(monkeypatch, tmp_path):
  """The mean of each channel in the place of Inception's features."""
  monkeypatch.setenv('HOME', str(tmp_path))  # of the cache
  net = _extractor.Extractor(
      name='inception', distance='FID', sha256='0' * 64, dims=3, classes=2,
      batch=4, variables=(), prepare=lambda x: x, apply=lambda _, x: {
          'features': x.astype(jnp.float32).mean((1, 2))}, protocol={})
  monkeypatch.setattr(Scorer, '_net', lambda *_: net)
  return net


@pytest.fixture
def images():
  rng = np.random.default_rng(0)
  return [rng.integers(0, 256, (n, 2, 2, 3), np.uint8) for n in (30, 20)]


def moments(images):
  features = images.mean((1, 2))
  return features.mean(0), np.cov(features.T)


def test_the_distance_of_two_files_is_that_of_their_gaussians(tmp_path):
  """||m1 - m2||^2 + sum (s1 - s2)^2 of diagonal covariances."""
  a = statistics.read(file_of(tmp_path / 'a.npz', [0., 1.], np.diag([1., 4.])))
  b = statistics.read(file_of(tmp_path / 'b.npz', [2., 1.], np.diag([9., 4.])))
  (values, stamp), = stated.scores(a, b, features='', names=('a', 'b')).values()
  assert values == {'FD-unknown': pytest.approx(4. + 4.)}
  assert stamp['features as stated'] == 'unknown'
  for name, label in (('clip', 'FD-clip'), ('inception', 'FD-inception')):
    (values, other), = stated.scores(a, b, features=name).values()
    assert values.keys() == {label}  # the 2015 Inception has 2048
    assert protocol.identity(other) != protocol.identity(stamp)
  wide = statistics.Statistics('w', np.zeros(2048), np.eye(2048))
  assert stated._label('inception', len(wide.mean)) == 'FID'
  with pytest.raises(UserError, match='a has 2 features and w 2048'):
    stated.scores(a, wide, features='inception', names=('a', 'w'))


def test_images_are_compared_with_a_file_of_the_stated_network(
    inception, images, tmp_path):
  real, fake = images
  file = statistics.read(file_of(tmp_path / 'a.npz', *moments(real)))
  (values, stamp), = stated.scores(
      file, fake, features='inception', names=('a.npz', 'b')).values()
  scorer = Scorer(real, metrics=('fd',), network='inception',
                  cache=str(tmp_path))
  want = scorer.score([fake])['standard'][0]
  assert values.keys() == want.keys() == {'FID'}
  assert values['FID'] == pytest.approx(want['FID'], rel=1e-4)
  assert stamp['fakes'] == 20 and stamp['reals'] is None
  assert stamp['reference sha256'] == file.sha256
  (back, _), = stated.scores(fake, file, features='inception').values()
  assert back['FID'] == pytest.approx(want['FID'], rel=1e-4)


def test_features_that_nobody_stated_are_never_called_fid(
    inception, images, tmp_path):
  file = statistics.read(file_of(tmp_path / 'a.npz', *moments(images[0])))
  with pytest.raises(UserError, match='does not say of which network.*'
                     '--features=inception'):
    stated.scores(file, images[1], features='')
  for name, says in (('clip', 'is no network of jgan'),
                     ('classifier', 'is trained on the data set')):
    with pytest.raises(UserError, match=says):
      stated.scores(file, images[1], features=name)


@pytest.mark.parametrize('mean, cov, says', [
    (np.zeros(2), np.zeros((3, 3)), r"'mu' is \[2\] and 'sigma' \[3, 3\]"),
    (np.zeros((2, 2)), np.zeros((2, 2)), r"'mu' is \[2, 2\]"),
    (np.full(2, np.nan), np.eye(2), 'is not finite'),
    (np.zeros(2, int), np.eye(2), 'floats would be right')])
def test_what_is_no_mean_and_covariance_is_refused(mean, cov, says, tmp_path):
  np.savez(tmp_path / 'a.npz', mu=mean, sigma=cov)
  with pytest.raises(UserError, match=says):
    statistics.read(tmp_path / 'a.npz')


def test_evaluate_takes_statistics_as_they_are_written_by_pytorch_fid(
    inception, images, tmp_path):
  real, fake = images
  a = file_of(tmp_path / 'a.npz', *moments(real))
  np.savez(tmp_path / 'b.npz', images=fake)
  sets = lambda **options: evaluate.sets(
      str(a), str(tmp_path / 'b.npz'), **{'metrics': ('fd',), **options})
  table = sets(features='inception', protocols=('pytorch_fid',))
  assert 'FID' in table and 'pytorch_fid' in table
  for options, says in (
      ({}, 'does not say of which network'),
      ({'features': 'inception', 'metrics': ('fd', 'kid')},
       "metric 'kid' needs the images of both"),
      ({'features': 'inception', 'network': 'resnet20'},
       '--network=resnet20 is not what')):
    with pytest.raises(UserError, match=says):
      sets(**options)
  with pytest.raises(UserError, match='--features=inception says of which'):
    evaluate.sets(str(tmp_path / 'b.npz'), str(tmp_path / 'b.npz'),
                  metrics=('fd_pixels',), features='inception')
