"""The 1-D power spectrum against the numbers of specs/soft_octave.md 2.9."""
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.ops import spectrum


def noise(*shape):
  return np.random.default_rng(0).random(shape).astype(np.float32)


def test_the_golden_image_has_the_golden_profile():
  i, j = np.mgrid[:8, :8]
  image = np.float32((3 * i + 5 * j) % 7 / 7.)[None, ..., None]
  profile = spectrum.profile(image)
  np.testing.assert_allclose(
      profile[0], [6.45177838, 7.16930195, 8.25831727], rtol=1e-6)
  np.testing.assert_allclose(
      spectrum.normalise(profile)[0], [0., .39718136, 1.], atol=2e-6)


def test_rings_of_a_plane_average_to_its_middle():
  x, y = np.mgrid[:8, :8]
  np.testing.assert_allclose(
      spectrum.radial_mean(np.float32(x + y)[None]), [[7., 7., 7.]])


@pytest.mark.parametrize('size, length', [
    (8, 3), (16, 9), (32, 20), (48, 32), (64, 43), (128, 88), (256, 179),
    (1024, 722)])
def test_profiles_have_the_published_lengths(size, length):
  shape = jax.ShapeDtypeStruct((1, size, size), jnp.float32)
  assert jax.eval_shape(spectrum.radial_mean, shape).shape == (1, length)


def test_the_first_rings_have_the_published_sizes():
  counts = np.bincount(spectrum._bins(16, 16, 'legacy'))
  np.testing.assert_array_equal(counts[:6], [4, 8, 20, 20, 28, 32])


@pytest.mark.parametrize('center', spectrum.CENTERS)
@pytest.mark.parametrize('shape', [(8, 8), (9, 9), (8, 13)])
def test_it_is_that_of_plain_loops(center, shape):
  image = noise(*shape)
  power = 20. * np.log(np.abs(np.fft.fftshift(np.fft.fft2(image)) + 1e-8))
  h, w = shape
  cy, cx = ((h - 1) / 2, (w - 1) / 2) if center == 'legacy' else (h // 2,
                                                                 w // 2)
  rings = {}
  for y in range(h):
    for x in range(w):
      rings.setdefault(int(np.hypot(y - cy, x - cx)), []).append(power[y, x])
  want = [np.mean(rings[r]) for r in sorted(rings)]
  whole = spectrum.profile(image[None, ..., None], center=center,
                           keep_edge_bins=True)
  np.testing.assert_allclose(whole[0], want, rtol=1e-4, atol=1e-4)
  edged = spectrum.profile(image[None, ..., None], center=center)
  np.testing.assert_allclose(edged, whole[:, 1:-1])


def test_the_zero_frequency_is_alone_in_the_first_ring_of_its_own_center():
  image = np.full((1, 8, 8, 1), .5, np.float32)
  profile = spectrum.profile(image, center='true_dc', keep_edge_bins=True)
  np.testing.assert_allclose(profile[0, 0], 20. * np.log(32.), rtol=1e-5)
  np.testing.assert_allclose(profile[0, 1:], 20. * np.log(1e-8), rtol=1e-5)


def test_brightness_and_contrast_do_not_matter_once_normalised():
  image = noise(3, 16, 16, 1)
  one, two = (spectrum.normalise(spectrum.profile(x))
              for x in (image, .3 * image + .2))
  np.testing.assert_allclose(one, two, atol=1e-4)


def test_flat_spectra_are_normalised_to_zero():
  images = np.zeros((3, 16, 16, 1), np.float32)
  images[0, 3, 4] = 1.  # a point has all frequencies alike
  images[1] = 128 / 255.  # none but the zero one, which is dropped
  profiles = jax.jit(spectrum.profile)(images)
  np.testing.assert_array_equal(spectrum.normalise(profiles), 0.)


def test_colour_counts_by_its_luma():
  image = noise(1, 8, 8, 3)
  np.testing.assert_allclose(
      spectrum.gray(image), image @ np.array([.2989, .587, .114]), rtol=1e-5)


def test_it_can_be_differentiated():
  image = jnp.asarray(noise(1, 8, 8, 1))
  total = lambda x: jnp.sum(spectrum.normalise(spectrum.profile(x)))
  gradient = jax.grad(total)(image)
  step = np.zeros(image.shape, np.float32)
  step[0, 2, 5, 0] = 1e-2
  slope = (total(image + step) - total(image - step)) / 2e-2
  np.testing.assert_allclose(gradient[0, 2, 5, 0], slope, rtol=.05)
  flat = jax.grad(total)(jnp.full((1, 8, 8, 1), .5))
  assert np.all(np.isfinite(flat))
