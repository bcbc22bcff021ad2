"""Moments summed batch by batch, and what is refused of features."""
import numpy as np
import pytest

from jgan.errors import Stopped, UserError
from jgan.metrics import _samples
from jgan.metrics._samples import Moments, Samples


def features(n=50, d=4, mean=3.):
  rng = np.random.default_rng(0)
  return mean + rng.normal(size=(n, d)) @ rng.normal(size=(d, d))


def summed(x, *ends):
  moments = Moments(x.shape[1])
  for batch in np.split(x, ends):
    moments.add(batch)
  return moments


@pytest.mark.parametrize('ends', [(), (1, 2, 30)])
def test_moments_of_batches_are_those_of_the_whole(ends):
  x = features()
  moments = summed(x, *ends)
  assert moments.count == 50
  np.testing.assert_allclose(moments.mean, x.mean(0), rtol=1e-13)
  np.testing.assert_allclose(moments.cov(), np.cov(x, rowvar=False), rtol=1e-12)
  np.testing.assert_allclose(
      moments.cov(ddof=0), np.cov(x, rowvar=False, ddof=0), rtol=1e-12)


def test_accumulators_of_several_processes_are_merged():
  x = features()
  whole = summed(x[:20])
  whole.merge(Moments(4))  # a process that saw nothing
  whole.merge(summed(x[20:], 7))
  empty = Moments(4)
  empty.merge(whole)
  for moments in (whole, empty):
    assert moments.count == 50
    np.testing.assert_allclose(moments.mean, x.mean(0))
    np.testing.assert_allclose(moments.cov(), np.cov(x, rowvar=False))


def test_a_large_mean_does_not_drown_the_variance():
  x = features(mean=1e8)  # raw squares would leave nothing of it
  np.testing.assert_allclose(summed(x, 10, 20).cov(), np.cov(x, rowvar=False),
                             rtol=1e-6)


def test_batches_in_float32_are_summed_in_float64():
  x = np.float32(features())
  assert summed(x, 10).mean.dtype == np.float64
  np.testing.assert_allclose(
      summed(x, 10).cov(), np.cov(x, rowvar=False), rtol=1e-12)


def test_moments_refuse_what_has_none():
  moments = summed(features())
  with pytest.raises(UserError, match=r'3 features after batches of 4'):
    moments.add(np.zeros((2, 3)))
  with pytest.raises(UserError, match=r'shape \[4\]; \[n, d\]'):
    moments.add(np.zeros(4))
  x = features()
  x[[3, 5], [0, 1]] = np.nan, np.inf
  with pytest.raises(Stopped, match='features: 2 of 50 are not finite'):
    moments.add(x)
  assert moments.count == 50  # nothing of it went in
  with pytest.raises(UserError, match='1 samples have no covariance; 2'):
    summed(features(n=1)).cov()


def test_features_of_two_sets_belong_together():
  real, fake = (Samples(9, features=np.zeros((9, d))) for d in (3, 4))
  with pytest.raises(UserError, match=r'3 features of real .* against 4 of'):
    _samples.features(real, fake, least=2)
  with pytest.raises(UserError, match=r'generated images: 9 are too few.* 10'):
    _samples.matrix(fake.features, 'features of generated images', least=10)
  with pytest.raises(UserError, match='real images: there are only statistics'):
    _samples.features(real._replace(features=None), fake, least=2)
