"""Copies of the training set are found; so are everyone's neighbours."""
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from jgan.errors import Stopped, UserError
from jgan.metrics import memorisation
from jgan.metrics._samples import Samples


def normal(n, d=6, seed=0):
  return np.float32(np.random.default_rng(seed).normal(size=(n, d)))


def score(real, fake):
  return memorisation.score(Samples(len(real), features=real),
                            Samples(len(fake), features=fake))['authentic']


def test_it_is_that_of_whole_distance_matrices():
  real, fake = normal(60), normal(45, seed=1)
  own = cdist(real, real) + np.diag(np.full(60, np.inf))
  gaps = cdist(real, fake)
  want = np.mean(own.min(1)[gaps.argmin(0)] < gaps.min(0))
  assert 0. < want < 1.
  assert score(real, fake) == want


def test_copies_and_near_copies_are_not_authentic():
  real = normal(60)
  assert score(real, real) == 0.
  assert score(real, np.repeat(real[:3], 4, axis=0) + 1e-3) == 0.
  twice = np.concatenate([real, real])  # a training set with its own copies
  assert score(twice, real) == 0.


def test_half_a_set_of_copies_is_half_authentic():
  real = normal(60)
  far = real[:30] + 100.
  assert score(real, np.concatenate([real[:30], far])) == .5


@pytest.mark.parametrize('values', [1, 48 * 13, 2**28])
@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
def test_neighbours_of_images_are_nearest_first(dtype, values, monkeypatch):
  """Also where not all real images are compared at a time."""
  monkeypatch.setattr(memorisation, '_VALUES', values)
  rng = np.random.default_rng(0)
  real = rng.integers(0, 256, (20, 4, 4, 3)).astype(dtype)
  fake = real[[7, 3]].copy()
  fake[0, 0, 0, 0] //= 2  # still nearest to its own source
  indices, distances = memorisation.neighbours(real, fake, k=3)
  gaps = cdist(fake.reshape(2, -1), real.reshape(20, -1))
  np.testing.assert_array_equal(indices, np.argsort(gaps, axis=1)[:, :3])
  np.testing.assert_allclose(distances, np.sort(gaps, axis=1)[:, :3])
  assert indices[:, 0].tolist() == [7, 3] and distances[1, 0] == 0.


def test_mistakes_in_sets_are_refused():
  with pytest.raises(UserError, match='real images: 1 are too few'):
    score(normal(1), normal(5))
  with pytest.raises(UserError, match=r'real images: 4 are too few; .* 5'):
    memorisation.neighbours(normal(4), normal(5))
  with pytest.raises(UserError, match=r'6 features of real .* against 7'):
    memorisation.neighbours(normal(8), normal(8, 7))
  with pytest.raises(Stopped, match='generated images: 5 of 5'):
    score(normal(5), normal(5) * np.nan)
