"""The Monge Inception Distance of sets whose distance is known."""
import numpy as np
import pytest

from jgan.errors import Stopped, UserError
from jgan.metrics import mind
from jgan.metrics._samples import Samples


def normal(n, d=4, seed=0):
  return np.random.default_rng(seed).normal(size=(n, d))


def score(real, fake, **knobs):
  return mind.score(Samples(len(real), features=real),
                    Samples(len(fake), features=fake), **knobs)['']


def test_three_points_along_three_directions_are_as_by_hand():
  # Means over the points: 2/3, 2/3 and .9066667; their mean times 3 d = 6.
  x = np.array([[0, 0], [1, 0], [0, 2]])
  y = np.array([[1, 1], [2, 0], [0, 3]])
  u = np.array([[1, 0], [0, 1], [.6, .8]])
  assert mind.distance(x, y, u) == pytest.approx(4.48, rel=1e-6)


def test_it_is_zero_for_the_same_set_in_any_order_and_symmetric():
  x, y = normal(50), 1.5 * normal(50, seed=1)
  assert score(x, x[::-1]) == 0.
  assert score(x, y) == pytest.approx(score(y, x), rel=1e-6)
  assert score(x, y) > .1


def test_it_is_three_times_the_squared_distance_of_shifted_sets():
  shift = np.array([.5, -1., 2.])
  x = normal(200, 3)
  # The mean of (u . shift)^2 over the sphere is |shift|^2 / d.
  assert score(x, x + shift, directions=20_000) == pytest.approx(
      3. * shift @ shift, rel=.03)
  assert score(normal(20_000, 3), normal(20_000, 3, seed=1) + shift,
               directions=1000) == pytest.approx(3. * shift @ shift, rel=.1)


def test_it_is_three_times_the_squared_difference_of_deviations():
  # W2^2 of N(0, 1) and N(0, s^2) is (s - 1)^2 along each direction.
  x = normal(500, 6)
  radius = np.sqrt(np.mean(x**2))
  assert score(x, 3. * x, directions=500) == pytest.approx(
      3. * 6 * (2. * radius)**2, rel=.05)


def test_a_common_offset_does_not_cost_digits():
  x, y = normal(40), normal(40, seed=1)
  assert score(x + 1e4, y + 1e4) == pytest.approx(score(x, y), rel=1e-5)


def test_blocks_of_directions_and_rows_change_nothing(monkeypatch):
  x, y = normal(30), normal(30, seed=1)
  whole = score(x, y, directions=50)
  monkeypatch.setattr(mind, '_ENTRIES', 100)
  monkeypatch.setattr(mind, '_ROWS', 7)
  assert score(x, y, directions=50) == pytest.approx(whole, rel=1e-6)


def test_of_the_larger_set_a_subset_is_seen_along_the_same_directions():
  x, y = normal(20), normal(50, seed=1)
  value = score(x, y)
  assert value == score(x, y) != score(x, y, choice=1)
  rng = np.random.RandomState(0)
  u = rng.standard_normal((1000, 4))
  subset = y[rng.choice(50, 20, replace=False)]
  assert value == pytest.approx(score(x, subset), rel=1e-6)
  # Of one direction: sorted by hand.
  along = u[0] / np.linalg.norm(u[0])
  gap = np.sort(x @ along) - np.sort(subset @ along)
  assert score(x, y, directions=1) > 0.
  assert mind.distance(x, subset, along[None]) == pytest.approx(
      12. * np.mean(gap**2), rel=1e-5)


def test_mistakes_in_mind_are_refused():
  with pytest.raises(UserError, match='directions=0; 1 or more'):
    score(normal(5), normal(5), directions=0)
  with pytest.raises(UserError, match='4 features of real images against 3'):
    score(normal(5), normal(5, 3))
  bad = normal(5)
  bad[2] = np.nan
  with pytest.raises(Stopped, match='generated images: 1 of 5'):
    score(normal(5), bad)
