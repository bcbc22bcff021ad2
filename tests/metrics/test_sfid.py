"""sFID: the Frechet distance of spatial features, by scipy's square root."""
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from jgan.errors import UserError
from jgan.features import _extractor, inception, resnet56
from jgan.metrics import sfid
from jgan.metrics._samples import Samples
from jgan.score.scorer import Scorer

E = 12  # width of the spatial features of the stand-in


def stand_in(**changes):
  """An Extractor whose spatial features are pixels, and others are zero."""
  def apply(variables, images):
    flat = images.reshape(len(images), -1) / 255.
    return {'spatial': flat @ variables, 'features': jnp.zeros((len(flat), 3)),
            'logits': jnp.zeros((len(flat), 2))}

  mixing = np.random.default_rng(0).normal(size=(64, E)).astype(np.float32)
  return _extractor.Extractor(**{
      'name': 'inception', 'distance': 'FID', 'sha256': '0' * 64, 'dims': 3,
      'classes': 2, 'batch': 10, 'variables': mixing, 'prepare': lambda x: x,
      'apply': apply, 'protocol': {}, 'spatial': E, **changes})


def images(n, seed, low=0):
  return np.random.default_rng(seed).integers(low, 256, (n, 8, 8, 1), np.uint8)


def test_it_is_the_distance_of_the_gaussians_of_the_spatial_features(
    monkeypatch, tmp_path, caplog):
  net = stand_in()
  monkeypatch.setattr(inception, 'load', lambda *_, **__: net)
  real, fake = images(90, 1), images(70, 2, low=40)
  cache = tmp_path / 'statistics'
  for turn in range(3):  # the second time with cached statistics
    if turn == 2:  # and then with damaged ones
      file, = cache.iterdir()
      file.write_bytes(file.read_bytes()[:300])
    scorer = Scorer(real, metrics=('sfid', 'fd'), network='inception',
                    cache=str(tmp_path))
    values, _ = scorer.score([fake[:30], fake[30:]])['standard']
    x, y = (a.reshape(len(a), -1) / 255. @ net.variables for a in (real, fake))
    cov_x, cov_y = (np.cov(a, rowvar=False) for a in (x, y))
    want = np.sum((x.mean(0) - y.mean(0))**2) + np.trace(
        cov_x + cov_y - 2. * scipy.linalg.sqrtm(cov_x @ cov_y).real)
    np.testing.assert_allclose(values['sFID'], want, rtol=1e-4)
    assert values['FID'] == 0. and scorer.better['sFID'] == 'lower'
  assert len([*cache.iterdir()]) == 1
  assert caplog.text.count('is computed anew') == 1


def test_the_real_set_scores_zero():
  x = np.random.default_rng(0).normal(size=(30, E))
  samples = Samples(30, spatial=(x.mean(0), np.cov(x, rowvar=False)))
  assert sfid.score(samples, samples)[''] < 1e-9
  with pytest.raises(UserError, match='1 generated images have no covariance'):
    sfid.score(samples, Samples(1))


def test_a_network_without_spatial_features_is_refused(monkeypatch):
  monkeypatch.setattr(resnet56, 'load', lambda *_, **__: stand_in(spatial=0))
  with pytest.raises(UserError, match="'sfid' needs spatial features, and "
                     "network 'resnet56' has none: .*inception"):
    Scorer(images(9, 0), metrics=('sfid',), network='resnet56')
  other = stand_in(distance='FD-inception-0a1b2c3d')
  assert sfid.label(other) == 'sFD-inception-0a1b2c3d'


def test_inceptions_spatial_features_are_seven_channels_of_17_by_17():
  """Their values beside torch-fidelity's network: features/test_inception.py.
  """
  assert inception.extractor({}, '0' * 64).spatial == 7 * 17 * 17 == 2023
