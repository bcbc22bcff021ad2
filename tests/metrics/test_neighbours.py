"""Blocked distances against scipy's, and copies at distance zero."""
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from jgan.metrics import _neighbours


@pytest.fixture(params=[2**25, 200])
def blocks(request, monkeypatch):
  """One block, and blocks of a few rows with a rest."""
  monkeypatch.setattr(_neighbours, '_ENTRIES', request.param)


def points(n, d=6, seed=0):
  return np.float32(np.random.default_rng(seed).normal(size=(n, d)))


def test_radii_reach_to_the_kth_other_point(blocks):
  x = points(31)
  want = np.sort(cdist(x, x), axis=1)[:, 3]  # column 0 is the point itself
  np.testing.assert_allclose(np.sqrt(_neighbours.radii(x, 3)), want, rtol=1e-5)


def test_balls_hold_what_is_within_their_radius(blocks):
  x, y = points(31), points(23, seed=1)
  radii = np.linspace(1., 3., 31).astype(np.float32)
  want = cdist(x, y) < radii[:, None]
  counts, hits = _neighbours.inside(x, radii**2, y, strict=True)
  np.testing.assert_array_equal(counts, want.sum(0))
  np.testing.assert_array_equal(hits, want.any(1))


def test_nearest_finds_the_neighbours_in_order(blocks):
  x, y = points(31), points(23, seed=1)
  gaps = cdist(y, x)
  indices, distances = _neighbours.nearest(y, x, 4)
  np.testing.assert_array_equal(indices, np.argsort(gaps, axis=1)[:, :4])
  np.testing.assert_allclose(distances, np.sort(gaps, axis=1)[:, :4],
                             rtol=1e-12)


def test_nearest_passes_over_the_point_itself(blocks):
  x = points(31)
  gaps = cdist(x, x) + np.diag(np.full(31, np.inf))
  chosen = np.array([4, 30, 9])
  indices, _ = _neighbours.nearest(x[chosen], x, 2, itself=chosen)
  np.testing.assert_array_equal(indices, np.argsort(gaps, axis=1)[chosen, :2])


def test_a_large_mean_does_not_blur_the_distances():
  x = points(40) + np.float32(1000.)
  want = np.sort(cdist(x, x), axis=1)[:, 1]
  np.testing.assert_allclose(np.sqrt(_neighbours.radii(x, 1)), want, rtol=1e-4)


def test_copies_are_at_distance_zero():
  x = points(40, d=500) * 30.
  twice = np.concatenate([x, x])
  np.testing.assert_array_equal(_neighbours.radii(twice, 1), 0.)
  assert np.all(_neighbours.radii(twice, 2) > 0.)
  counts, hits = _neighbours.inside(x, np.zeros(40), x[:7], strict=False)
  np.testing.assert_array_equal(counts, 1)
  np.testing.assert_array_equal(hits, np.arange(40) < 7)
