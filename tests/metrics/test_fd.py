"""Frechet distances of sets of samples, and their extrapolation."""
import numpy as np
import pytest

from jgan.errors import Stopped, UserError
from jgan.metrics import _frechet, fd, fd_infinity
from jgan.metrics._samples import Samples


def features(n, d, seed, shift=0.):
  return np.random.default_rng(seed).normal(size=(n, d)) + shift


def of(x, ddof=1, keep=True):
  return Samples(len(x), x.mean(0), np.cov(x, rowvar=False, ddof=ddof),
                 features=x if keep else None)


def gaussian(d):
  return Samples(10**9, np.zeros(d), np.eye(d))


def test_equal_covariances_score_their_means_apart():
  # specs/metrics.md 3.2: 2048 for means one apart in 2048 dimensions; here
  # the samples have exactly these moments.
  x = features(100, 16, 0)
  value = fd.score(of(x), of(x + 1.))['']
  np.testing.assert_allclose(value, 16., rtol=1e-6)


@pytest.mark.parametrize('ddof', [0, 1])
@pytest.mark.parametrize('counts', [(9, 30), (30, 9), (9, 12), (12, 9)])
def test_few_samples_score_the_same_with_and_without_their_features(
    counts, ddof):
  real, fake = (features(n, 20, n) @ np.diag(range(1, 21)) for n in counts)
  exact = fd.score(of(real, ddof), of(fake, ddof))['']
  moments = fd.score(of(real, ddof, False), of(fake, ddof, False))['']
  np.testing.assert_allclose(exact, moments, rtol=1e-6)
  # The nuclear norm of the Gram matrix: specs/metrics.md 3.4.
  gram = (real - real.mean(0)) @ (fake - fake.mean(0)).T
  n, m = np.array(counts) - ddof
  want = (np.sum((real.mean(0) - fake.mean(0))**2)
          + np.trace(of(real, ddof).cov) + np.trace(of(fake, ddof).cov)
          - 2. * np.linalg.norm(gram, 'nuc') / np.sqrt(n * m))
  np.testing.assert_allclose(exact, want, rtol=1e-7)


def test_features_are_used_only_where_they_are_fewer_than_their_dimension(
    monkeypatch):
  sizes = []
  eigvalsh = np.linalg.eigvalsh
  monkeypatch.setattr(np.linalg, 'eigvalsh',
                      lambda a: sizes.append(len(a)) or eigvalsh(a))
  fd.score(of(features(30, 8, 0)), of(features(30, 8, 1)))
  fd.score(of(features(30, 8, 0)), of(features(5, 8, 1)))
  fd.score(of(features(5, 8, 0)), of(features(30, 8, 1)))
  assert sizes == [8, 5, 5]


@pytest.mark.parametrize('n', [5, 50])
def test_identical_sets_score_zero(n):
  x = features(n, 20, 0)
  assert fd.score(of(x), of(x))[''] < 1e-5
  same = np.ones((n, 20))  # all of them one image
  assert fd.score(of(same), of(same))[''] == 0.


def test_mistakes_in_fd_are_refused():
  one = Samples(1, np.zeros(3), np.zeros((3, 3)))
  with pytest.raises(UserError, match='1 generated images have no covariance'):
    fd.score(gaussian(3), one)
  with pytest.raises(UserError, match=r'mean2 has shape \[4\]'):
    fd.score(gaussian(3), gaussian(4))
  with pytest.raises(Stopped, match='mean1 is not finite'):
    fd.score(gaussian(3)._replace(mean=np.full(3, np.nan)), gaussian(3))


def test_fd_infinity_is_where_the_line_meets_infinitely_many(monkeypatch):
  # A distance of 3 + 70/N is fitted exactly.
  counts = []

  def distance_from(mean, cov):
    return lambda m, c, x: counts.append(len(x)) or 3. + 70. / len(x)

  monkeypatch.setattr(_frechet, 'distance_from', distance_from)
  value = fd_infinity.score(gaussian(2), of(features(400, 2, 0)))
  np.testing.assert_allclose(value[''], 3., rtol=1e-10)
  assert len(counts) == 15 and counts[0] == 40 and counts[-1] == 400
  counts.clear()
  fd_infinity.score(gaussian(2), of(features(400, 2, 0)), first=10, points=4)
  assert counts == [10, 140, 270, 400]


def test_fd_infinity_takes_the_bias_of_few_samples_away():
  fake = of(features(600, 12, 0))
  biased = fd.score(gaussian(12), fake)['']
  unbiased = fd_infinity.score(gaussian(12), fake)['']
  assert biased > .05 and abs(unbiased) < .3 * biased
  shifted = fd_infinity.score(gaussian(12), of(features(600, 12, 0, .5)))['']
  np.testing.assert_allclose(shifted, 12 * .25, rtol=.1)


def test_fd_infinity_repeats_with_its_seed():
  real, fake = gaussian(5), of(features(60, 5, 0))
  assert fd_infinity.score(real, fake) == fd_infinity.score(real, fake)
  assert fd_infinity.score(real, fake) != fd_infinity.score(real, fake, seed=1)


def test_mistakes_in_fd_infinity_are_refused():
  with pytest.raises(UserError, match=r'29 are too few; .* needs 30'):
    fd_infinity.score(gaussian(5), of(features(29, 5, 0)))
  with pytest.raises(UserError, match='points=1'):
    fd_infinity.score(gaussian(5), of(features(29, 5, 0)), points=1)
  bad = features(60, 5, 0)
  bad[7] = np.nan
  with pytest.raises(Stopped, match='1 of 60 are not finite'):
    fd_infinity.score(gaussian(5), Samples(60, features=bad))
