"""DiffAugment: each operation beside numpy, given the same draws."""
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.augment import diffaugment
from jgan.errors import UserError

KEY = jax.random.key(3)


def images(b=16, h=8, w=8, c=3):
  x = np.random.default_rng(0).uniform(-1., 1., (b, h, w, c))
  return np.float32(x)


def integers(sides, low, high, b):
  """What translation and cutout draw: an integer [b] per axis."""
  return [np.asarray(jax.random.randint(key, (b,), low(side), high(side) + 1))
          for key, side in zip(jax.random.split(KEY), sides)]


def test_color_is_brightness_then_saturation_then_contrast():
  x = images()
  u = np.asarray(jax.random.uniform(KEY, (16, 3)), np.float64)
  want = []
  for image, (brightness, saturation, contrast) in zip(x, u):
    image = image + brightness - .5
    mean = image.mean(-1, keepdims=True)
    image = (image - mean) * 2. * saturation + mean
    want.append((image - image.mean()) * (contrast + .5) + image.mean())
  got = jax.jit(diffaugment.color)(KEY, x)
  np.testing.assert_allclose(got, want, atol=1e-5)
  assert abs(got).max() > 1.  # nothing is clipped


@pytest.mark.parametrize('h, w', [(8, 8), (16, 24)])
def test_translation_moves_whole_pixels_and_grey_comes_in(h, w):
  x = images(h=h, w=w)
  far = lambda side: int(.125 * side + .5)
  want = []
  for image, dy, dx in zip(x, *integers((h, w), lambda s: -far(s), far, 16)):
    wide = np.pad(image, ((h, h), (w, w), (0, 0)))
    want.append(wide[h - dy:2 * h - dy, w - dx:2 * w - dx])
  got = diffaugment.translation(KEY, x)
  np.testing.assert_array_equal(got, want)  # not a bit is rounded


@pytest.mark.parametrize('h, w', [(8, 8), (10, 6)])
def test_cutout_clips_a_square_of_half_the_side(h, w):
  x = images(h=h, w=w)
  size = lambda side: int(.5 * side + .5)
  want = x.copy()
  for image, cy, cx in zip(want, *integers(
      (h, w), lambda s: 0, lambda s: s - size(s) % 2, 16)):
    for y in range(h):
      for column in range(w):
        top, left = cy - size(h) // 2, cx - size(w) // 2
        if (top <= y < top + size(h)) and (left <= column < left + size(w)):
          image[y, column] = 0.
  np.testing.assert_array_equal(diffaugment.cutout(KEY, x), want)


@pytest.mark.parametrize('side, far, size', [(32, 4, 16), (64, 8, 32),
                                             (256, 32, 128)])
def test_moves_and_squares_are_those_of_the_published_code(side, far, size):
  """specs/re_gan.md 12.3, in columns one pixel wide."""
  ones = jnp.ones((600, side, 1, 1))
  kept = np.asarray(diffaugment.translation(KEY, ones)).sum((1, 2, 3))
  assert kept.max() == side and kept.min() == side - far
  gone = np.asarray(diffaugment.cutout(KEY, ones) == 0.).sum((1, 2, 3))
  assert gone.max() == size and gone.min() == size // 2  # centred on a border


def test_all_centres_of_a_square_are_equally_likely():
  """side + 1 of them where the square is even."""
  x = jnp.ones((4000, 4, 4, 1))
  gone = np.asarray(diffaugment.cutout(KEY, x))[..., 0] == 0.
  rows = gone.any(2)
  patterns, counts = np.unique(rows, axis=0, return_counts=True)
  want = {(1, 0, 0, 0), (1, 1, 0, 0), (0, 1, 1, 0), (0, 0, 1, 1), (0, 0, 0, 1)}
  assert {tuple(p.astype(int)) for p in patterns} == want
  np.testing.assert_allclose(counts / 4000., .2, atol=.03)


def test_the_ranges_of_the_colours():
  b = 4000
  grey = np.asarray(diffaugment.color(KEY, jnp.zeros((b, 1, 1, 1)))).ravel()
  assert -.5 <= grey.min() < -.49 and .49 < grey.max() < .5
  # A red pixel among black ones tells saturation times contrast.
  x = jnp.zeros((b, 1, 2, 3)).at[:, 0, 0, 0].set(1.)
  y = np.asarray(diffaugment.color(KEY, x))
  both = y[:, 0, 0, 0] - y[:, 0, 0, 1]
  mean = y.mean(3)
  contrast = 3. * (mean[:, 0, 0] - mean[:, 0, 1])
  saturation = both / contrast
  assert .5 <= contrast.min() < .51 and 1.49 < contrast.max() < 1.5001
  assert 0. <= saturation.min() < .01 and 1.99 < saturation.max() < 2.0001


def test_the_policy_is_applied_in_the_order_given():
  x = images()
  forth, back = (diffaugment.apply(KEY, x, policy=policy) for policy in
                 (('color', 'cutout'), ('cutout', 'color')))
  first, second = jax.random.split(KEY)
  np.testing.assert_array_equal(
      forth, diffaugment.cutout(second, diffaugment.color(first, x)))
  np.testing.assert_array_equal(
      back, diffaugment.color(second, diffaugment.cutout(first, x)))


def test_a_policy_of_nothing_is_the_identity():
  x = images()
  np.testing.assert_array_equal(diffaugment.apply(KEY, x, policy=()), x)


def test_an_unknown_operation_is_refused():
  with pytest.raises(UserError, match="no 'colour': did you mean 'color'"):
    diffaugment.apply(KEY, images(), policy=('colour',))
