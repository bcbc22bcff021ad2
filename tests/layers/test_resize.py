import jax
import numpy as np
import pytest

from jgan.errors import UserError
from jgan.layers import act, output, resize

X = np.arange(2 * 4 * 4 * 3, dtype=np.float32).reshape(2, 4, 4, 3)


def test_upsample_repeats_every_pixel():
  np.testing.assert_array_equal(resize.upsample(X),
                                X.repeat(2, axis=1).repeat(2, axis=2))


def test_downsample_averages_and_undoes_upsample():
  np.testing.assert_allclose(resize.downsample(resize.upsample(X)), X)
  np.testing.assert_allclose(resize.downsample(X)[0, 0, 0],
                             X[0, :2, :2].mean((0, 1)))


def test_doublings_count_from_four_and_refuse_other_sizes():
  assert [resize.doublings(s, (4, 16, 48, 128)) for s in (4, 16, 48, 128)] == [
      0, 2, 3, 5]
  with pytest.raises(UserError, match=r'20.*16, 32'):
    resize.doublings(20, (16, 32))


def test_leaky_relus_have_their_slopes():
  x = np.array([-2., 0., 3.], np.float32)
  np.testing.assert_allclose(act.leaky_relu(x), [-.4, 0, 3], rtol=1e-6)
  np.testing.assert_allclose(act.leaky_relu_tenth(x), [-.2, 0, 3], rtol=1e-6)


def test_logits_lose_the_axis_of_a_single_output():
  assert output.logits(np.zeros((5, 1, 1, 1))).shape == (5,)
  assert output.logits(np.zeros((1, 1))).shape == (1,)
  assert output.logits(np.zeros((5, 1, 1, 16))).shape == (5, 16)


# PyTorch's interpolate(scale_factor=2, align_corners=False) of a row.
@pytest.mark.parametrize('double, row', [
    (resize.upsample, [0, 0, 1, 1, 3, 3, 2, 2]),
    (resize.bilinear, [0, .25, .75, 1.5, 2.5, 2.75, 2.25, 2]),
    (resize.bicubic, [-.10546875, .15625, .5625, 1.59375, 2.6875, 2.984375,
                      2.296875, 1.89453125])])
def test_doubling_interpolates_as_pytorch_does(double, row):
  x = np.array([0, 1, 3, 2], np.float32)
  image = np.outer([1., 1, 1, 1, 1], x)[None, ..., None]
  out = double(image)
  assert out.shape == (1, 10, 8, 1)
  np.testing.assert_allclose(out[0, :, :, 0], np.tile(row, (10, 1)), rtol=1e-6)
  np.testing.assert_allclose(double(image.swapaxes(1, 2)), out.swapaxes(1, 2),
                             rtol=1e-6)


def test_bilinear_doubling_is_that_of_jax():
  np.testing.assert_allclose(resize.bilinear(X), jax.image.resize(
      X, (2, 8, 8, 3), 'linear'), rtol=1e-5)


def test_the_largest_of_four_pixels_is_kept():
  np.testing.assert_array_equal(resize.downsample_max(X), X[:, 1::2, 1::2])
  gradient = jax.grad(lambda x: resize.downsample_max(x).sum())
  for equals in ([0, 1, 1, 0], [1, 0, 1, 1], [0, 0, 1, 1]):
    image = np.array(equals, np.float32).reshape(1, 2, 2, 1)
    np.testing.assert_array_equal(
        gradient(image).ravel(), np.eye(4)[equals.index(1)])
