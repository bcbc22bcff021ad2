"""Digits and mixtures: sets that need no files."""
import numpy as np
import pytest
from sklearn import datasets

from jgan.data import digits, mixture
from jgan.errors import UserError


@pytest.mark.parametrize('size', [8, 16, 32])
def test_digits_use_the_whole_range_of_a_byte(size):
  images = digits.load('', size=size)
  assert images.shape == (1797, size, size, 1) and images.dtype == np.uint8
  assert images.min() == 0 and images.max() >= 250


def test_digits_are_those_of_scikit_learn():
  inks = datasets.load_digits().images
  images = digits.load('', size=8)[..., 0]
  assert np.abs(images / 255 - inks / 16).max() <= .5 / 255 + 1e-9
  with pytest.raises(UserError, match=r'data.size is 4, it must be at least 8'):
    digits.load('', size=4)


@pytest.mark.parametrize('kind,count', [('grid', 25), ('ring', 8)])
def test_points_lie_around_every_mode(kind, count):
  points = mixture.load('', kind=kind, count=40 * count, std=.01)
  assert points.dtype == np.float32 and points.shape == (40 * count, 1, 1, 2)
  index, distance = mixture.nearest(points, kind=kind)
  np.testing.assert_array_equal(np.bincount(index), [40] * count)
  # Rayleigh: the root mean square distance in the plane is std * sqrt 2.
  assert abs(np.sqrt(np.mean(distance**2)) / (.01 * np.sqrt(2)) - 1) < .15
  assert np.abs(points).max() < 1


def test_the_grid_is_5_by_5_and_the_ring_is_round():
  grid = mixture.modes(kind='grid')
  assert {tuple(p) for p in grid.round(6)} == {
      (x / 10, y / 10) for x in range(-8, 9, 4) for y in range(-8, 9, 4)}
  ring = mixture.modes(kind='ring')
  np.testing.assert_allclose(np.linalg.norm(ring, axis=1), .8)
  gaps = np.linalg.norm(ring - np.roll(ring, 1, axis=0), axis=1)
  np.testing.assert_allclose(gaps, gaps[0])


@pytest.mark.parametrize('kind', ['grid', 'ring'])
@pytest.mark.parametrize('size', [16, 32])
def test_the_mode_of_a_rendering_is_known(kind, size):
  settings = {'kind': kind, 'count': 200, 'std': .02, 'seed': 3}
  points = mixture.load('', **settings)
  images = mixture.load('', render='images', size=size, **settings)
  assert images.shape == (200, size, size, 1) and images.dtype == np.uint8
  scaled = images / 127.5 - 1
  apart = mixture.locate(scaled) - points.reshape(-1, 2)
  assert np.abs(apart).max() < .03
  noisy = np.clip(scaled + .05, -1, 1)  # as a generator would leave it
  np.testing.assert_array_equal(mixture.nearest(noisy, kind=kind)[0],
                                mixture.nearest(points, kind=kind)[0])


def test_a_blob_stands_where_its_point_is():
  image = mixture.draw(np.array([[.5, -.75]]), 16)[0, ..., 0]
  row, column = np.unravel_index(image.argmax(), image.shape)
  assert row in (1, 2) and column in (11, 12)  # right and high


def test_a_mixture_is_a_function_of_its_seed():
  one = mixture.load('', count=50, seed=1)
  np.testing.assert_array_equal(one, mixture.load('', count=50, seed=1))
  assert np.abs(one - mixture.load('', count=50, seed=2)).max() > 0


def test_unknown_mixtures_are_refused():
  with pytest.raises(UserError, match=r"no 'rign'.*did you mean 'ring'"):
    mixture.info(kind='rign')
  with pytest.raises(UserError, match=r'data.render'):
    mixture.load('', render='movies')
  with pytest.raises(UserError, match='data.seed is -1, it must be at least 0'):
    mixture.info(seed=-1)
