"""How far the images of the same latents have moved."""
import numpy as np
import pytest

from jgan.errors import UserError
from jgan.metrics import stability
from jgan.metrics._samples import Samples


def of(images):
  return Samples(len(images), images=images)


def test_it_is_the_mean_squared_difference_of_pixels_in_the_unit_range():
  rng = np.random.default_rng(0)
  one, two = (rng.integers(0, 256, (5, 4, 4, 3), dtype=np.uint8)
              for _ in range(2))
  want = np.mean((one / 255. - two / 255.)**2)
  np.testing.assert_allclose(stability.score(of(one), of(two))[''], want)
  assert stability.score(of(one), of(one)) == {'': 0.}


def test_black_and_white_are_one_apart():
  black, white = np.zeros((2, 2, 4, 4, 1), np.uint8)
  white = white + np.uint8(255)
  assert stability.score(of(black), of(white)) == {'': 1.}


def test_other_numbers_of_images_are_refused():
  one = np.zeros((5, 4, 4, 3), np.uint8)
  with pytest.raises(UserError, match=r'\[4, 4, .* after .* \[5, 4, 4, 3\]'):
    stability.score(of(one), of(one[:4]))
