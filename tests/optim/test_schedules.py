"""Learning-rate schedules at the points where their values are known."""
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import lookup
from jgan.errors import UserError
from jgan.optim import schedules


def values(rate, counts):
  return [float(rate(c)) for c in counts]


@pytest.mark.parametrize('name', schedules.__all__)
def test_every_schedule_takes_traced_counts_and_starts_at_the_rate(name):
  rate = lookup.member('optim.schedules', name)(2e-4, steps=10)
  traced = jax.jit(jax.vmap(lambda c: jnp.float32(rate(c))))(jnp.arange(20))
  np.testing.assert_allclose(traced[0], 2e-4, rtol=1e-6)
  assert (traced >= 0.).all() and (jnp.diff(traced) <= 0.).all()
  np.testing.assert_allclose(traced, values(rate, range(20)), rtol=1e-5,
                             atol=1e-11)


def test_linear_decays_to_zero_over_the_run():
  rate = schedules.linear(2e-4, steps=100_000)
  np.testing.assert_allclose(
      values(rate, [0, 50_000, 75_000, 100_000, 150_000]),
      [2e-4, 1e-4, .5e-4, 0., 0.], rtol=1e-6)


def test_linear_waits_for_its_start():
  # SNGAN at 64 pixels: 250,000 updates, decay from 200,000.
  rate = schedules.linear(1., steps=250_000, start=200_000, final=.1)
  np.testing.assert_allclose(
      values(rate, [0, 200_000, 225_000, 250_000, 300_000]),
      [1., 1., .55, .1, .1], rtol=1e-6)


def test_cosine_is_half_a_wave():
  rate = schedules.cosine(1., steps=12, final=.5)
  np.testing.assert_allclose(
      values(rate, [0, 4, 6, 8, 12, 20]),
      [1., .5 + .5 * .75, .75, .5 + .5 * .25, .5, .5], rtol=1e-6)


@pytest.mark.parametrize('name', schedules.__all__)
def test_warmup_rises_in_equal_parts_to_the_full_rate(name):
  make = lookup.member('optim.schedules', name)
  plain, warm = make(1., steps=1000), make(1., steps=1000, warmup=10)
  share = np.divide(values(warm, [0, 4, 9, 10, 500]),
                    values(plain, [0, 4, 9, 10, 500]))
  np.testing.assert_allclose(share, [.1, .5, 1., 1., 1.], rtol=1e-6)


@pytest.mark.parametrize('name', ['cosine', 'linear'])
def test_a_decay_that_would_never_begin_is_refused(name):
  with pytest.raises(UserError, match=r'start=50 .* step 20'):
    lookup.member('optim.schedules', name)(1., steps=20, start=50)


def test_a_decay_may_end_before_the_run():
  """Of R3GAN on CIFAR-10: 20 million images in batches of 512."""
  at = [n / 512 for n in (0., 5e6, 10e6, 15e6, 20e6, 100e6)]
  rate = schedules.cosine(2e-4, steps=488_281, final=.25, end=20e6 / 512)
  np.testing.assert_allclose(
      values(rate, at),
      [2e-4, 1.7803301e-4, 1.25e-4, 7.1966991e-5, 5e-5, 5e-5], rtol=1e-6)
  rate = schedules.linear(1., steps=1000, end=10.)
  np.testing.assert_allclose(values(rate, [5, 10, 500]), [.5, 0., 0.])


@pytest.mark.parametrize('key, value', [
    ('warmup', -1), ('start', -1), ('final', -.5)])
@pytest.mark.parametrize('name', ['cosine', 'linear'])
def test_a_schedule_with_a_rate_below_zero_is_refused(name, key, value):
  with pytest.raises(UserError, match=f'{key}={value:g}.* would be right'):
    lookup.member('optim.schedules', name)(1., steps=20, **{key: value})


def test_a_warmup_below_zero_would_climb_the_loss_and_is_refused():
  with pytest.raises(UserError, match='warmup=-1; a number of steps of at lea'):
    schedules.constant(1., steps=20, warmup=-1)
