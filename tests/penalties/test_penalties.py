"""Contracts of every penalty, and closed forms of those of D's slope."""
import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import lookup
from jgan.errors import UserError
from jgan.penalties import drift, gradient, r1, r2
from jgan.types import Play, View

B, SIZE, COLORS, LATENT = 6, 4, 2, 3
KEY = jax.random.key(0)


def network_play(params, step=0):
  """A Play of a two-layer critic and a one-layer generator."""
  def features(x):
    return jnp.tanh(x @ params['conv'])

  def disc(x):
    return features(x).sum((1, 2)) @ params['head']

  def gen(x, method=None):
    if method == 'styles':
      return jnp.broadcast_to(x[:, None], (len(x), 2, LATENT))
    z = x.mean(1) if method == 'synthesise' else x
    return jnp.tanh(z @ params['gen']).reshape(-1, SIZE, SIZE, COLORS)

  def view(x):
    return View(x, disc(x), (features(x),),
                means=(features(x).mean((0, 1, 2)),))

  real = jax.random.normal(jax.random.key(1), (B, SIZE, SIZE, COLORS))
  z = jax.random.normal(jax.random.key(2), (B, LATENT))
  large = jnp.ones((B, 8, 8, COLORS))
  decoded = (large * params['head'].mean(), large),
  return Play(view(real)._replace(decoded=decoded), view(gen(z)), disc, gen, z,
              KEY, jnp.int32(step), plain_fake=gen(z), seen_fake=lambda x: x,
              noise=KEY, look=view)


def network_params():
  conv, head, gen = jax.random.split(jax.random.key(3), 3)
  return {'conv': jax.random.normal(conv, (COLORS, 5)),
          'head': jax.random.normal(head, (5,)),
          'gen': jax.random.normal(gen, (LATENT, SIZE * SIZE * COLORS))}


def critic_play(disc, real, fake=None, step=0, axis_name=None, rng=KEY):
  """A Play of a critic given by its formula."""
  fake = real if fake is None else fake
  return Play(View(real, disc(real)), View(fake, disc(fake)), disc, None, None,
              rng, jnp.int32(step), axis_name)


def images(seed=0, n=B):
  x = np.random.default_rng(seed).normal(size=(n, SIZE, SIZE, COLORS))
  return jnp.float32(x)


def linear(w):
  return lambda x: jnp.sum(x * w, axis=(1, 2, 3))


TEACHERS = {
    'generator': lambda rng: lambda z: jnp.ones((B, SIZE, SIZE, COLORS)),
    'discriminator': lambda rng: lambda x: x.mean((1, 2, 3))}


def players():
  return [(name, side) for name in lookup.names('penalties')
          for side in ('discriminator', 'generator')
          if hasattr(lookup.find('penalties', name), side)]


def scalar(name, side):
  """The penalty without what it remembers, with a teacher if it needs one."""
  module = lookup.find('penalties', name)
  function = getattr(module, side)
  if hasattr(module, 'TEACHER'):
    function = functools.partial(function, teacher=TEACHERS[module.TEACHER])
  if not hasattr(module, 'TRACED'):
    return function
  return functools.wraps(function)(lambda *args, **knobs: function(
      *args, **knobs)[0])


@pytest.mark.parametrize('name, side', players())
def test_every_penalty_is_a_scalar_not_below_zero_with_finite_slope(name, side):
  function = scalar(name, side)
  value, slope = jax.value_and_grad(
      lambda p: function(network_play(p)))(network_params())
  assert value.shape == () and value.dtype == jnp.float32
  assert value >= 0.
  assert all(jnp.isfinite(x).all() for x in jax.tree.leaves(slope))


@pytest.mark.parametrize('name, side', players())
def test_a_penalty_of_no_weight_is_zero(name, side):
  function = scalar(name, side)
  knobs = inspect.signature(function).parameters
  weight = [k for k in ('weight', 'gamma') if k in knobs]
  if not weight:
    pytest.skip(f'{name} has no weight')
  play = network_play(network_params())
  assert function(play, **{weight[0]: 0.}) == 0.


@pytest.mark.parametrize('length', [0., .3, 1., 4.])
def test_gradient_penalty_of_a_linear_critic(length):
  w = images(1)[0]
  w = w * length / jnp.linalg.norm(w)
  play = critic_play(linear(w), images(2), images(3))
  np.testing.assert_allclose(gradient.discriminator(play, weight=7.),
                             7. * (length - 1.)**2, atol=1e-5)
  np.testing.assert_allclose(
      gradient.discriminator(play, weight=7., center=0.), 7. * length**2,
      rtol=1e-5)


def test_gradient_penalty_pushes_a_linear_critic_to_length_one():
  w = 3. * images(1)[0]
  length = jnp.linalg.norm(w)
  slope = jax.grad(lambda w: gradient.discriminator(
      critic_play(linear(w), images(2), images(3))))(w)
  np.testing.assert_allclose(slope, 20. * (length - 1.) * w / length, rtol=1e-4,
                             atol=1e-5)


def test_gradient_penalty_has_a_finite_slope_where_the_norm_is_zero():
  slope = jax.grad(lambda w: gradient.discriminator(
      critic_play(linear(w), images(2), images(3))))(0. * images()[0])
  assert (slope == 0.).all()


def test_gradient_penalty_looks_between_the_pairs():
  # D(x) = |x|^2 / 2 has slope x: with zeros as fakes the norm is mix * |real|.
  square = lambda x: jnp.sum(x**2, axis=(1, 2, 3)) / 2.
  real = images()
  play = critic_play(square, real, jnp.zeros_like(real))
  mix = 1. - jax.random.uniform(KEY, (B, 1, 1, 1))[:, 0, 0, 0]
  norm = jnp.sqrt(jnp.sum(real**2, axis=(1, 2, 3)))
  np.testing.assert_allclose(
      gradient.discriminator(play, weight=1.), jnp.mean((mix * norm - 1.)**2),
      rtol=1e-5)


def test_r1_of_a_quadratic_critic():
  # D(x) = a |x|^2 / 2 has slope a x.
  a, x = 1.7, images()
  play = critic_play(lambda x: a / 2. * jnp.sum(x**2, axis=(1, 2, 3)), x)
  want = 10. / 2. * a**2 * np.mean(np.sum(np.square(x), axis=(1, 2, 3)))
  np.testing.assert_allclose(r1.discriminator(play), want, rtol=1e-5)


def test_lazy_r1_averages_to_plain_r1():
  params = network_params()
  term = lambda step, every: jax.value_and_grad(lambda p: r1.discriminator(
      network_play(p, step), every=every))(params)
  lazy = [jax.jit(term, static_argnums=1)(step, 4) for step in range(8)]
  assert [float(value) > 0. for value, _ in lazy] == [
      True, False, False, False] * 2
  mean = jax.tree.map(lambda *x: sum(x) / 8., *lazy)
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4,
                                                       atol=1e-6),
               mean, term(0, 1))


def test_lazy_r1_skips_its_work_between_and_plain_r1_has_no_branch():
  jaxpr = lambda every: str(jax.make_jaxpr(lambda step: r1.discriminator(
      network_play(network_params(), step), every=every))(1))
  assert 'cond[' in jaxpr(16) and 'cond[' not in jaxpr(1)


def test_r2_is_r1_with_the_parts_of_the_images_exchanged():
  real, fake = images(0), images(1)
  disc = lambda x: jnp.sum(jnp.sin(x), axis=(1, 2, 3))
  play, swapped = critic_play(disc, real, fake), critic_play(disc, fake, real)
  assert r2.discriminator(play) == r1.discriminator(swapped)
  # To the images before augmentation, each with its own.
  play = play._replace(plain=real, seen=lambda x: 2. * x, plain_fake=fake,
                       seen_fake=lambda x: 3. * x)
  slope = lambda x, k: k * np.cos(k * np.asarray(x))
  for penalty, x, k in ((r1, real, 2.), (r2, fake, 3.)):
    want = 5. * np.mean(np.sum(slope(x, k)**2, (1, 2, 3)))
    np.testing.assert_allclose(penalty.discriminator(play, plain=True), want,
                               rtol=1e-5)


@pytest.mark.parametrize('penalty', [r1, r2])
def test_gamma_moves_to_its_final_factor_by_half_a_wave(penalty):
  params = network_params()
  value = jax.jit(lambda step, **knobs: penalty.discriminator(
      network_play(params, step), **knobs), static_argnames=('final', 'end'))
  factors = [value(step, final=.1, end=8.) / value(step)
             for step in (0, 2, 4, 6, 8, 100)]
  np.testing.assert_allclose(
      factors, [1., .86819805, .55, .23180195, .1, .1], rtol=1e-5)


@pytest.mark.parametrize('knobs, words', [
    ({'every': 0}, 'every=0 is below 1'), ({'final': -1.}, 'final=-1, end=0'),
    ({'end': -2.}, 'final=1, end=-2')])
@pytest.mark.parametrize('name, penalty', [('r1', r1), ('r2', r2)])
def test_r1_and_r2_refuse_never_and_less_than_nothing(name, penalty, knobs,
                                                      words):
  with pytest.raises(UserError, match=f'{name}: {words}'):
    penalty.discriminator(network_play(network_params()), **knobs)


@pytest.mark.parametrize('penalty', [
    lambda p: gradient.discriminator(p, weight=1., center=0.),
    lambda p: r1.discriminator(p, gamma=2.)])
def test_several_outputs_and_batch_statistics_count_by_their_sum(penalty):
  w = images(1)[:2] * .2
  both = lambda x: jnp.stack([linear(w[0])(x), linear(w[1])(x)], axis=-1)
  np.testing.assert_allclose(penalty(critic_play(both, images())),
                             jnp.sum((w[0] + w[1])**2), rtol=1e-5)
  # Logits less their mean sum to zero whatever the images are.
  centred = lambda x: linear(w[0])(x - x.mean(0))
  assert penalty(critic_play(centred, images())) < 1e-10


def test_drift_is_the_mean_square_of_real_logits():
  w = images(1)[0]
  want = 1e-3 * np.mean(np.square(linear(w)(images())))
  np.testing.assert_allclose(
      drift.discriminator(critic_play(linear(w), images(), 0. * images())),
      want, rtol=1e-5)


@pytest.mark.parametrize('penalty', [gradient, r1, r2, drift])
def test_the_mean_over_shards_is_the_penalty_of_the_whole_batch(penalty):
  square = lambda x: jnp.sum(x**2, axis=(1, 2, 3)) / 2.
  real, fake = images(0, 8), images(1, 8)

  def shard(real, fake):
    return penalty.discriminator(
        critic_play(square, real, fake, axis_name='device'))
  split = lambda x: x.reshape(4, 2, *x.shape[1:])
  shards = jax.vmap(shard, axis_name='device')(split(real), split(fake))
  np.testing.assert_allclose(
      shards.mean(), penalty.discriminator(critic_play(square, real, fake)),
      rtol=1e-5)
