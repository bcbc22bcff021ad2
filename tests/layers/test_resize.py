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
