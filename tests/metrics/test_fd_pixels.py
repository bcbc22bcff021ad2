"""fd_pixels: the Frechet distance in components of the real pixels."""
import jax
import numpy as np
import pytest
from sklearn.datasets import load_digits

from jgan.errors import Stopped, UserError
from jgan.metrics import fd_pixels


def images(n=200, seed=0):
  rng = np.random.default_rng(seed)
  return rng.integers(60, 180, size=(n, 3, 3, 2), dtype=np.uint8)


def test_the_real_set_scores_zero_as_bytes_and_as_floats():
  real = images()
  reference = fd_pixels.fit(real, dim=10)
  assert fd_pixels.distance(reference, real) < 1e-6
  assert fd_pixels.distance(reference, np.float32(real / 127.5 - 1.)) < 1e-6


def test_a_shift_of_all_pixels_scores_its_squared_length():
  real = images()
  reference = fd_pixels.fit(real, dim=18)  # all of the space
  np.testing.assert_allclose(fd_pixels.distance(reference, real + np.uint8(10)),
                             18 * (10 / 127.5)**2, rtol=1e-6)


def test_components_are_the_leading_ones_in_order():
  reference = fd_pixels.fit(images(), dim=4)
  variances = np.diag(reference.cov)
  np.testing.assert_allclose(reference.cov, np.diag(variances), atol=1e-12)
  np.testing.assert_allclose(
      variances, np.linalg.eigvalsh(
          np.cov(images().reshape(200, -1) / 127.5, rowvar=False))[:-5:-1])


@pytest.mark.parametrize('n, dim', [(7, 4), (7, 6), (7, 10), (18, 10)])
def test_with_fewer_images_than_values_the_components_are_the_same(n, dim):
  """The Gram matrix has the eigenvalues of the covariance."""
  real, fake = images(n), images(30, seed=1)
  reference = fd_pixels.fit(real, dim=dim)
  kept = min(dim, n - 1)
  assert reference.basis.shape == (18, kept)
  np.testing.assert_allclose(reference.basis.T @ reference.basis, np.eye(kept),
                             atol=1e-9)
  flat = real.reshape(n, -1) / 127.5 - 1.
  values, vectors = np.linalg.eigh(np.cov(flat, rowvar=False))
  basis = vectors[:, ::-1][:, :kept]
  np.testing.assert_allclose(np.diag(reference.cov), values[::-1][:kept],
                             rtol=1e-9)
  want = fd_pixels.Reference((3, 3, 2), flat.mean(0), basis, np.zeros(kept),
                             np.diag(values[::-1][:kept]))
  np.testing.assert_allclose(fd_pixels.distance(reference, fake),
                             fd_pixels.distance(want, fake), rtol=1e-6)


def test_components_of_many_large_images_are_those_of_some(monkeypatch):
  monkeypatch.setattr(fd_pixels, '_VALUES', 17)
  monkeypatch.setattr(fd_pixels, '_IMAGES', 16)
  sides, eigh = [], np.linalg.eigh
  monkeypatch.setattr(np.linalg, 'eigh', lambda matrix: (
      sides.append(len(matrix)), eigh(matrix))[1])
  real = images(100)
  reference = fd_pixels.fit(real, dim=4)
  assert sides == [16]  # of 18 values and 100 images
  assert fd_pixels.distance(reference, real) < 1e-6  # the moments are of all


def test_images_that_do_not_vary_have_no_components():
  with pytest.raises(UserError, match='5 real images that do not vary'):
    fd_pixels.fit(np.full((5, 3, 3, 2), 7, np.uint8), dim=2)


def test_generated_images_are_rounded_and_clipped_to_bytes_first():
  real = images()
  reference = fd_pixels.fit(real, dim=10)
  fake = real[::2] / 127.5 - 1.
  near = fake + .3 / 127.5  # less than half a level away
  assert fd_pixels.distance(reference, near) == fd_pixels.distance(
      reference, real[::2])
  bright = np.full((5, 3, 3, 2), 7.)
  assert fd_pixels.distance(reference, bright) == fd_pixels.distance(
      reference, np.full((5, 3, 3, 2), 255, np.uint8))


def test_it_gives_the_measured_values_on_digits():
  # stack.md section 8: digits at 16 x 16, 32 components: the mean image
  # scores 44, one half of the set against the other .46.
  x = load_digits().images / 8. - 1.
  x = np.asarray(jax.image.resize(x, (1797, 16, 16), 'bilinear'))[..., None]
  mean = np.repeat(x.mean(0, keepdims=True), 9, axis=0)
  assert abs(fd_pixels.distance(fd_pixels.fit(x), mean) - 44.) < .5
  assert abs(fd_pixels.distance(fd_pixels.fit(x[::2]), x[1::2]) - .46) < .01


def test_mistakes_are_refused():
  reference = fd_pixels.fit(images(), dim=4)
  with pytest.raises(UserError, match=r'dim=19 .* 18 values'):
    fd_pixels.fit(images(), dim=19)
  with pytest.raises(UserError, match=r'\[2, 3, 3\] against .* \[3, 3, 2\]'):
    fd_pixels.distance(reference, np.zeros((4, 2, 3, 3)))
  with pytest.raises(UserError, match=r'\[3, 3, 2\]; \[n, h, w, c\]'):
    fd_pixels.distance(reference, images()[0])
  with pytest.raises(Stopped, match='not finite'):
    fd_pixels.distance(reference, np.full((4, 3, 3, 2), np.nan))
