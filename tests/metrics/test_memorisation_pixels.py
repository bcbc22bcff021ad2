"""Copies of photos are noticed without a network."""
import numpy as np
import pytest

from jgan.errors import UserError
from jgan.metrics import memorisation_pixels
from jgan.metrics._samples import Samples


def images(n, side=32, seed=0):
  return np.random.default_rng(seed).integers(0, 256, (n, side, side, 3),
                                              np.uint8)


def score(real, fake):
  return memorisation_pixels.score(
      Samples(len(real), images=real), Samples(len(fake), images=fake)
      )['authentic']


def test_squares_are_averaged_and_the_rest_left_out():
  real = images(3, 35)
  want = real[:, :32, :32].reshape(3, 16, 2, 16, 2, 3).mean((2, 4))
  small = memorisation_pixels.small(real)
  np.testing.assert_allclose(small[:, :16 * 17 * 3].reshape(
      3, 16, 17, 3)[:, :, :16], want, rtol=1e-6)
  tiny = images(2, 8)
  np.testing.assert_array_equal(memorisation_pixels.small(tiny),
                                tiny.reshape(2, -1))


def test_copies_with_noise_are_copies_and_other_images_are_not():
  real = images(40)
  noise = np.random.default_rng(1).integers(-9, 10, real.shape)
  copies = np.uint8(np.clip(real + noise, 0, 255))
  assert score(real, real) == score(real, copies) == 0.
  others = np.uint8(np.clip(images(40, seed=2).astype(int) + 60, 0, 255))
  assert score(real, others) == 1.
  assert score(real, np.concatenate([copies[:20], others[:20]])) == .5


def test_one_image_is_too_few():
  with pytest.raises(UserError, match='1 are too few'):
    score(images(1), images(4))
