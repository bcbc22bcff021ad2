import jax
import numpy as np

from jgan.layers import initializer

KEY = jax.random.key(1)


def test_xavier_draws_within_gain_root_six_over_the_fans_and_no_bias():
  init = initializer.xavier(2**.5)
  kernel = init.kernel(KEY, (3, 3, 8, 24))
  bound = 2**.5 * (6 / (9 * (8 + 24)))**.5
  assert .98 < np.abs(kernel).max() / bound <= 1 + 1e-6
  np.testing.assert_allclose(np.std(kernel), bound / 3**.5, rtol=.05)
  assert not np.any(init.bias(72)(KEY, (24,)))


def test_torch_default_fills_its_interval_whatever_the_gain():
  for gain in (1., 2.):
    init = initializer.torch_default(gain)
    for draw, fan in ((init.kernel(KEY, (2, 2, 16, 16)), 64),
                      (init.bias(64)(KEY, (1000,)), 64)):
      np.testing.assert_allclose(np.abs(draw).max(), fan**-.5, rtol=.02)
      np.testing.assert_allclose(np.std(draw), (3 * fan)**-.5, rtol=.05)


def test_normal_has_the_deviation_it_is_given_and_scales_about_one():
  init = initializer.normal(std=.1)
  np.testing.assert_allclose(np.std(init.kernel(KEY, (50, 50))), .1, rtol=.05)
  scale = init.scale(KEY, (2500,))
  np.testing.assert_allclose(scale.mean(), 1, atol=.01)
  np.testing.assert_allclose(np.std(scale), .1, rtol=.05)


def test_every_scheme_takes_a_gain():
  for name in initializer.__all__:
    assert isinstance(getattr(initializer, name)(1.), initializer.Init)


def test_xavier_kernel_has_biases_as_torch_and_scales_about_one():
  init = initializer.xavier_kernel(2**.5)
  kernel = init.kernel(KEY, (3, 3, 8, 24))
  assert .98 < np.abs(kernel).max() / (6 / (9 * (8 + 24)))**.5 <= 1 + 1e-6
  np.testing.assert_allclose(np.abs(init.bias(72)(KEY, (1000,))).max(),
                             72**-.5, rtol=.02)
  np.testing.assert_allclose(np.std(init.scale(KEY, (2500,))), .02, rtol=.05)
