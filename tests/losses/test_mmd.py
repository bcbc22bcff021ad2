"""The MMD losses against numbers, loops and their own symmetries."""
import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import build, experiment
from jgan import config as configs
from jgan.errors import UserError
from jgan.losses import mmd

ROW, COLUMN = np.arange(4)[:, None], np.arange(3)[None]
REAL = 1.5 * np.sin(ROW + .5 * COLUMN)
FAKE = .8 * np.cos(.7 * ROW - .3 * COLUMN) + .1 * ROW
FREE = {'b_l': 0., 'b_u': 0.}
STATIC = ('cross', 'xy_diagonal')
disc = jax.jit(mmd.discriminator, static_argnames=STATIC)
gen = jax.jit(mmd.generator, static_argnames='xy_diagonal')
slopes = jax.jit(jax.grad(mmd.discriminator, (0, 1)), static_argnames=STATIC)
gen_slope = jax.jit(jax.grad(mmd.generator, 1))


def mean(a, b, *, same, low=0., high=np.inf):
  """Mean kernel of pairs by a loop, in float64."""
  pairs = [(i, j) for i in range(len(a)) for j in range(len(b))
           if not (same and i == j)]
  return np.mean([np.exp(-.5 * np.clip(((a[i] - b[j])**2).sum(), low, high))
                  for i, j in pairs])


# Of the reference code (specs/mmd_adversarial_nas.md 9.5).
@pytest.mark.parametrize('bounds, want', [
    ({'b_u': 4.}, -.500699269901722),
    ({'b_u': 32.}, -.551010162256419),
    (FREE, -.566038032895037),
])
def test_the_repulsive_loss_of_the_reference(bounds, want):
  low, high = bounds.get('b_l', .25), bounds['b_u'] or np.inf
  oracle = mean(REAL, REAL, same=True, high=high) - mean(
      FAKE, FAKE, same=True, low=low)
  np.testing.assert_allclose(oracle, want, rtol=1e-14)
  np.testing.assert_allclose(disc(REAL, FAKE, **bounds), want, atol=1e-6)


def test_the_generator_loss_of_the_reference():
  want = .067005407232918
  oracle = (mean(REAL, REAL, same=True) + mean(FAKE, FAKE, same=True)
            - 2. * mean(REAL, FAKE, same=False))
  np.testing.assert_allclose(oracle, want, rtol=1e-12)
  np.testing.assert_allclose(gen(REAL, FAKE), want, atol=1e-6)


def test_features_that_are_all_equal():
  x = jnp.full((5, 3), .7)
  np.testing.assert_allclose(disc(x, x), 1. - np.exp(-.125), atol=1e-6)
  np.testing.assert_allclose(gen(x, x), 0., atol=1e-6)


def test_the_repulsive_loss_has_its_minimum_at_the_bounds():
  real = 10. * jnp.eye(4)  # every pair beyond b_u
  fake = jnp.zeros((4, 4))  # every pair within b_l
  np.testing.assert_allclose(disc(real, fake), -.747161619347983,
                             atol=1e-6)


def test_no_force_acts_beyond_b_u_or_within_b_l():
  # On a line, where only the first two real ones are within b_u = 4, and only
  # the first two fake ones are within b_l = .25.
  real, fake = np.array([0., 1., 9.]), np.array([0., .1, 1.5])
  force = lambda z: z * np.exp(-.5 * z**2) / 3.  # a pair's, at distance z
  by_real, by_fake = slopes(real, fake)
  np.testing.assert_allclose(by_real, [force(1.), -force(1.), 0.], rtol=1e-6)
  np.testing.assert_allclose(
      by_fake, [-force(1.5), -force(1.4), force(1.5) + force(1.4)], rtol=1e-6)
  assert by_real[2] == 0.
  by_real, by_fake = slopes(3. * real, fake / 4.)
  assert (by_real == 0.).all() and (by_fake == 0.).all()
  by_real, by_fake = slopes(3. * real, fake / 4., **FREE)
  assert (by_real[:2] != 0.).all() and (by_fake != 0.).all()


def test_the_generator_is_not_bounded():
  real, fake = jnp.array([0., 1., 4.]), jnp.array([0., .1, .2])
  assert (gen_slope(real, fake) != 0.).all()
  assert gen(real, fake, b_u=1.) == gen(real, fake)


@pytest.mark.parametrize('xy_diagonal', [True, False])
def test_the_attractive_loss_is_minus_the_generators(xy_diagonal, double):
  with double():
    np.testing.assert_allclose(
        disc(REAL, FAKE, cross=2., xy_diagonal=xy_diagonal, **FREE),
        -gen(REAL, FAKE, xy_diagonal=xy_diagonal), rtol=1e-14)


def test_the_attractive_recipe_has_the_loss_of_mmd_gan():
  """-MMD^2, of outputs 64 times as small."""
  loss = build.loss(configs.complete(experiment.load(
      'experiments/mmd_gan/repulsive.py:cifar10_attractive')))
  two = REAL / 64., FAKE / 64.
  np.testing.assert_allclose(
      loss.discriminator(*two, **dict(loss.traced)),
      -mmd.generator(REAL, FAKE, xy_diagonal=False), atol=1e-6)


def test_b_u_bounds_what_is_pushed_apart_and_b_l_what_is_pulled_together():
  low, high = .5, 2.
  for cross in (0., .5, 1., 2.):
    apart, together = {'high': high}, {'low': low}
    want = (-mean(FAKE, FAKE, same=True, **together)
            + cross * mean(REAL, FAKE, same=False, **apart)
            + (1. - cross) * mean(REAL, REAL, same=True, **(
                apart if cross < 1. else together)))
    np.testing.assert_allclose(
        disc(REAL, FAKE, cross=cross, b_l=low, b_u=high), want, atol=1e-6)


def test_the_means_are_unbiased():
  """Over all batches that can be drawn they average to the population's."""
  values = np.array([[0.], [.4], [1.], [2.5]])
  population = mean(values, values, same=False)  # pairs drawn independently
  observed = jax.jit(jax.vmap(functools.partial(mmd.observe,
                                                xy_diagonal=False)))
  draws = jnp.float32(list(itertools.product(values, repeat=4)))
  for name, k in observed(draws[:, :2], draws[:, 2:]).items():
    np.testing.assert_allclose(k.mean(), population, rtol=1e-5, err_msg=name)


def test_two_samples_of_one_distribution_have_no_distance_on_average():
  pairs = jnp.float32(np.random.default_rng(0).normal(size=(2, 2000, 8, 2)))
  values = jax.jit(jax.vmap(mmd.generator))(*pairs)
  error = values.std() / np.sqrt(len(values))
  assert abs(values.mean()) < 4. * error and (values < 0.).any()


@pytest.mark.parametrize('knobs', [
    {}, {'kernel': 'rational_quadratic', 'scales': (.2, 1., 5.)},
    {'scales': (1., 4.)}])
def test_the_order_of_samples_does_not_matter(knobs):
  for loss in (mmd.discriminator, mmd.generator):
    loss = jax.jit(functools.partial(loss, **knobs))
    np.testing.assert_allclose(
        loss(REAL, FAKE), loss(REAL[::-1], np.roll(FAKE, 1, axis=0)),
        atol=5e-6)  # sums of kernels, each at most 1


def test_losses_and_means_stay_in_their_ranges():
  rng = np.random.default_rng(0)
  for size in (.01, 1., 100.):
    real, fake = jnp.float32(size * rng.normal(size=(2, 6, 3)))
    assert all(0. <= k <= 1. for k in mmd.observe(real, fake).values())
    least = np.exp(-2.) - np.exp(-.125)
    assert least - 1e-6 <= disc(real, fake) <= 1.
    assert -2. <= gen(real, fake) <= 2.
    assert -2. <= disc(real, fake, cross=2.) <= 2.


def test_the_means_tell_apart_real_fake_and_cross():
  want = {'k_xx': mean(REAL, REAL, same=True),
          'k_yy': mean(FAKE, FAKE, same=True),
          'k_xy': mean(REAL, FAKE, same=False)}
  got = mmd.observe(REAL, FAKE)
  assert got.keys() == want.keys()
  for name, value in want.items():
    np.testing.assert_allclose(got[name], value, atol=1e-6)
  np.testing.assert_allclose(
      mmd.observe(REAL, FAKE, xy_diagonal=False)['k_xy'],
      mean(REAL, FAKE, same=True), atol=1e-6)


def test_another_b_u_compiles_nothing():
  step = jax.jit(lambda b_u: mmd.discriminator(REAL, FAKE, b_u=b_u))
  values = [step(jnp.float32(b_u)) for b_u in (2., 4., 8., 0.)]
  assert step._cache_size() == 1
  np.testing.assert_allclose(values[1], -.500699269901722, atol=1e-6)
  assert values[0] > values[1] > values[2] > values[3]


def test_the_builder_keeps_b_u_out_of_the_program():
  config = configs.base()
  config.loss = {'name': 'mmd', 'b_u': 8., 'cross': 1.}
  loss = build.loss(configs.fill(config))
  assert loss.paired and dict(loss.traced) == {'b_u': 8.}
  np.testing.assert_allclose(
      loss.discriminator(REAL, FAKE, b_u=jnp.float32(2.)),
      mmd.discriminator(REAL, FAKE, b_u=2., cross=1.), rtol=1e-6)
  np.testing.assert_allclose(loss.generator(REAL, FAKE, b_u=jnp.float32(2.)),
                             mmd.generator(REAL, FAKE), rtol=1e-6)
  assert set(loss.observe(REAL, FAKE)) == {'k_xx', 'k_yy', 'k_xy'}


def test_single_outputs_are_features_of_width_one():
  real, fake = REAL[:, 0], FAKE[:, 0]
  for loss in (disc, gen):
    assert loss(real, fake) == loss(real[:, None], fake[:, None])


def test_all_fakes_of_a_larger_batch_count():
  want = (mean(REAL, REAL, same=True) + mean(FAKE[:3], FAKE[:3], same=True)
          - 2. * mean(REAL, FAKE[:3], same=False))
  np.testing.assert_allclose(gen(REAL, FAKE[:3]), want, atol=1e-6)
  last = gen_slope(REAL[:2], jnp.float32(FAKE))[-1]
  assert (last != 0.).any()


@pytest.mark.parametrize('real, fake, knobs, words', [
    (REAL[:1], FAKE[:1], {}, '1 real and 1 fake .* 2 or more'),
    (REAL, FAKE[:3], {'xy_diagonal': False}, '4 real and 3 fake .*gen_batch'),
    (REAL, FAKE, {'kernel': 'gausian'}, "did you mean 'gaussian'"),
    (REAL, FAKE, {'scales': ()}, r'scales=\(\)'),
    (REAL, FAKE, {'scales': (1., 0.)}, r'scales=\(1.0, 0.0\)'),
])
def test_what_has_no_meaning_is_refused(real, fake, knobs, words):
  with pytest.raises(UserError, match=words):
    mmd.generator(real, fake, **knobs)
