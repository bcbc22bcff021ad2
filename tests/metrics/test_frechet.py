"""The Frechet distance against closed forms and other algorithms."""
import numpy as np
import pytest
import scipy.linalg

from jgan.errors import Stopped, UserError
from jgan.metrics import _frechet as frechet


def features(n, d, seed):
  rng = np.random.default_rng(seed)
  return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)


def test_statistics_are_those_of_numpy():
  x = features(20, 5, 0)
  mean, cov = frechet.statistics(x.astype(np.float32))
  assert mean.dtype == cov.dtype == np.float64
  np.testing.assert_allclose(mean, x.mean(0), rtol=1e-5)
  np.testing.assert_allclose(cov, np.cov(x, rowvar=False), rtol=1e-4)


def test_unit_gaussians_one_apart_in_2048_dimensions():
  # specs/metrics.md 3.2, from pytorch-fid's tests: exactly 2048.
  eye = np.eye(2048)
  assert frechet.distance(np.zeros(2048), eye, np.ones(2048), eye) == 2048.


def test_in_one_dimension_it_is_the_distance_of_mean_and_deviation():
  value = frechet.distance([1.], [[4.]], [3.], [[.25]])
  np.testing.assert_allclose(value, (1 - 3)**2 + (2 - .5)**2)


def test_it_agrees_with_the_matrix_square_root_of_scipy():
  m1, s1 = frechet.statistics(features(50, 7, 1))
  m2, s2 = frechet.statistics(features(60, 7, 2))
  want = np.sum((m1 - m2)**2) + np.trace(
      s1 + s2 - 2. * np.real(scipy.linalg.sqrtm(s1 @ s2)))
  np.testing.assert_allclose(frechet.distance(m1, s1, m2, s2), want, rtol=1e-10)


def test_of_few_samples_it_agrees_with_the_gram_matrix():
  # Rank-deficient: Tr (S1 S2)^(1/2) is also the nuclear norm of X Y^T/(n - 1).
  x, y = features(6, 20, 3), features(6, 20, 4)
  cross = (x - x.mean(0)) @ (y - y.mean(0)).T / 5.
  (m1, s1), (m2, s2) = frechet.statistics(x), frechet.statistics(y)
  want = (np.sum((m1 - m2)**2) + np.trace(s1 + s2)
          - 2. * np.linalg.norm(cross, 'nuc'))
  np.testing.assert_allclose(frechet.distance(m1, s1, m2, s2), want, rtol=1e-6)


@pytest.mark.parametrize('n', [6, 100])
def test_it_is_zero_for_the_same_and_symmetric_for_two(n):
  one, two = (frechet.statistics(features(n, 20, s)) for s in (5, 6))
  np.testing.assert_allclose(frechet.distance(*one, *one), 0., atol=1e-5)
  np.testing.assert_allclose(frechet.distance(*one, *two),
                             frechet.distance(*two, *one), rtol=1e-7)


def test_errors_say_both_shapes_or_how_much_is_not_finite():
  mean, cov = frechet.statistics(features(20, 5, 0))
  with pytest.raises(UserError, match=r'mean2 has shape \[4\] .* 5 features'):
    frechet.distance(mean, cov, mean[:4], cov[:4, :4])
  with pytest.raises(UserError, match=r'cov1 has shape \[5\]'):
    frechet.distance(mean, np.diag(cov), mean, cov)
  with pytest.raises(UserError, match=r'shape \[1, 5\]'):
    frechet.statistics(mean[None])
  with pytest.raises(Stopped, match='cov2 is not finite'):
    frechet.distance(mean, cov, mean, cov * np.nan)
  x = features(20, 5, 0)
  x[3:5, 2] = np.inf
  with pytest.raises(Stopped, match='2 of 20 samples'):
    frechet.statistics(x)
