"""The spectral loss: its values, its slope, and what spreads over devices."""
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import build
from jgan.errors import UserError
from jgan.ops import spectrum
from jgan.penalties import spectral
from jgan.types import Play, View


def images(seed=0, n=4, colors=1):
  return np.random.default_rng(seed).normal(size=(n, 8, 8, colors))


def smooth(x):
  """Without the high frequencies, as after upsampling."""
  return x[:, ::2, ::2].repeat(2, axis=1).repeat(2, axis=2)


def loss(fake, real, axis_name=None, **knobs):
  view = lambda x: View(jnp.asarray(x), jnp.zeros(len(x)))
  play = Play(view(real), view(fake), None, None, None, None, jnp.int32(0),
              axis_name)
  return spectral.generator(play, **knobs)


def test_it_is_the_squared_difference_of_the_mean_profiles():
  fake, real = (np.float32(images(seed)) for seed in (0, 1))
  one, two = (spectrum.normalise(spectrum.profile(x)).mean(0)
              for x in (fake, real))
  np.testing.assert_allclose(loss(fake, real, weight=3.),
                             3. * np.mean((one - two)**2), rtol=1e-5)


def test_equal_batches_cost_nothing_in_any_order_and_missing_details_do():
  x = np.float32(images(n=16, colors=3))
  assert loss(x, x) == 0.
  assert loss(x, x[::-1]) < 1e-10
  other = np.float32(images(1, n=16, colors=3))
  assert loss(other, x) < .3 * loss(smooth(other), x)


@pytest.mark.parametrize('center', spectrum.CENTERS)
def test_its_slope_is_that_of_finite_differences(center, double):
  with double():
    fake, real = images(n=2, colors=2), images(1, n=3, colors=2)
    value = jax.jit(lambda x: loss(x, real, center=center,
                                   keep_edge_bins=True))
    slope = jax.grad(value)(jnp.asarray(fake))
    assert slope.dtype == np.float64
    for at in ((0, 2, 5, 0), (1, 7, 1, 1), (1, 4, 4, 0)):
      step = np.zeros(fake.shape)
      step[at] = 1e-6
      np.testing.assert_allclose(
          slope[at], (value(fake + step) - value(fake - step)) / 2e-6,
          rtol=1e-5, atol=1e-9)


def test_blank_images_have_a_finite_slope():
  slope = jax.grad(loss)(jnp.zeros((2, 8, 8, 1)), np.float32(images()))
  assert np.isfinite(slope).all()


def test_devices_together_see_the_whole_batch():
  """Values agree, and gradients once they are averaged over devices."""
  fake, real = (jnp.float32(images(seed, n=8)) for seed in (0, 1))
  by = jnp.float32(.7)  # a parameter that all devices share
  made = lambda p, x: jnp.tanh(p * x) + x
  whole = jax.value_and_grad(lambda p: loss(made(p, fake), real))(by)

  def shard(fake, real):
    value, slope = jax.value_and_grad(
        lambda p: loss(made(p, fake), real, 'device'))(by)
    return value, jax.lax.pmean(slope, 'device')

  split = lambda x: x.reshape(4, 2, *x.shape[1:])
  values, slopes = jax.pmap(shard, 'device', devices=jax.devices()[:4])(
      split(fake), split(real))
  np.testing.assert_allclose(values, np.full(4, whole[0]), rtol=1e-5)
  np.testing.assert_allclose(slopes, np.full(4, whole[1]), rtol=1e-4)


def test_a_config_names_it_and_the_reals_come_with_it(tiny):
  tiny.penalties = ({'name': 'spectral', 'weight': 2.},)
  penalty, = build.penalties(build.configs.complete(tiny)).values()
  assert penalty.paired and penalty.generator and not penalty.discriminator


def test_an_unknown_center_is_refused():
  with pytest.raises(UserError, match="no center 'dc', it is one of legacy"):
    loss(images(), images(), center='dc')
