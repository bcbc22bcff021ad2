"""The kernel distance against loops, and its want of bias."""
import numpy as np
import pytest

from jgan.errors import Stopped, UserError
from jgan.metrics import kid
from jgan.metrics._samples import Samples


def features(n, d=4, seed=0):
  return np.random.default_rng(seed).normal(size=(n, d))


def score(real, fake, **knobs):
  return kid.score(Samples(len(real), features=real),
                   Samples(len(fake), features=fake), **knobs)


def loops(x, y):
  """The estimator as it is written in the paper."""
  kernel = lambda a, b: (float(a @ b) / len(a) + 1.)**3
  n, m = len(x), len(y)
  xx = sum(kernel(x[i], x[j]) for i in range(n) for j in range(n) if i != j)
  yy = sum(kernel(y[i], y[j]) for i in range(m) for j in range(m) if i != j)
  xy = sum(kernel(a, b) for a in x for b in y)
  return xx / (n * (n - 1)) + yy / (m * (m - 1)) - 2. * xy / (n * m)


def test_mmd_is_that_of_plain_loops():
  x, y = features(6), features(9, seed=1) + .5
  np.testing.assert_allclose(kid.mmd(x, y), loops(x, y), rtol=1e-12)


def test_subsets_are_drawn_as_in_torch_fidelity():
  # Its order of draws: for each subset, generated images and then real ones.
  real, fake = features(12), features(10, seed=1)
  rng = np.random.RandomState(2020)
  wants = []
  for _ in range(3):
    y = fake[rng.choice(10, 5, replace=False)]
    x = real[rng.choice(12, 5, replace=False)]
    wants.append(loops(x, y))
  value = score(real, fake, subsets=3, subset_size=5, seed=2020)
  np.testing.assert_allclose(value[''], np.mean(wants))
  np.testing.assert_allclose(value['std'], np.std(wants))


def test_it_is_zero_on_average_for_one_distribution():
  values = [kid.mmd(features(20, seed=2 * i), features(20, seed=2 * i + 1))
            for i in range(400)]
  error = np.std(values) / np.sqrt(len(values))
  assert abs(np.mean(values)) < 3. * error
  assert min(values) < 0. < max(values)


def test_it_averages_to_the_distance_of_means_in_one_dimension():
  # E k(x, y) of N(a, 1) and N(b, 1) is the sum over i of C(3, i) times the
  # product of i-th moments: 1, a, 1 + a^2, 3 a + a^3.
  moments = lambda a: np.array([1., a, 1. + a**2, 3. * a + a**3])
  gap = moments(.8) - moments(0.)
  want = np.sum([1, 3, 3, 1] * gap**2)
  values = [kid.mmd(features(200, 1, 2 * i), features(200, 1, 2 * i + 1) + .8)
            for i in range(300)]
  np.testing.assert_allclose(np.mean(values), want, rtol=.05)


def test_float32_features_are_multiplied_in_float64():
  real, fake = (np.float32(features(20, seed=s)) for s in (0, 1))
  knobs = dict(subsets=2, subset_size=10)
  assert score(real, fake, **knobs) == score(
      np.float64(real), np.float64(fake), **knobs)


def test_mistakes_in_kid_are_refused():
  with pytest.raises(UserError, match=r'=1000 with 30 real and 20 .* most 20'):
    score(features(30), features(20))
  with pytest.raises(UserError, match='5 subsets of 1 images'):
    score(features(30), features(20), subsets=5, subset_size=1)
  bad = features(20)
  bad[:3] = np.inf
  with pytest.raises(Stopped, match='generated images: 3 of 20'):
    score(features(30), bad, subset_size=10)
