import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jgan import build, forward, steps
from jgan import config as configs
from jgan.types import Network, Penalty


@pytest.fixture(scope='module')
def game():
  """A method on 16 x 16 images, its first state, a batch and one step."""
  c = configs.base()
  c.batch, c.critics = 4, 2
  c.generator = {'name': 'dcgan', 'latent': 8, 'width': 4}
  c.discriminator = {'name': 'dcgan', 'width': 4, 'conv': 'spectral',
                     'norm': 'none'}
  c.loss = {'name': 'hinge'}
  c.ema.decay = .5
  method = build.method(c)
  rng = np.random.default_rng(0)
  batch = {'image': rng.integers(0, 256, (2, 4, 16, 16, 1), np.uint8)}
  state = jax.jit(method.init)(jax.random.key(0), batch)
  step = jax.jit(method.step)
  return c, method, state, batch, step


def test_the_notebook_lines_of_the_readme_train_one_step(game):
  _, method, state, batch, step = game
  after, metrics = step(state, batch, jax.random.key(1))
  assert int(after.step) == 1
  assert {'disc/loss', 'gen/loss', 'disc/real', 'disc/fake'} <= set(metrics)
  assert all(np.isfinite(v) for v in metrics.values())
  images = method.sample(after.ema, jnp.zeros((3, method.latent)))
  assert images.shape == (3, 16, 16, 1)
  changed = jax.tree.map(lambda a, b: bool((a != b).any()),
                         state.gen.params, after.gen.params)
  assert any(jax.tree.leaves(changed))


def test_a_step_is_a_pure_function_of_state_batch_and_key(game):
  _, _, state, batch, step = game
  first = step(state, batch, jax.random.key(1))
  again = step(state, batch, jax.random.key(1))
  other = step(state, batch, jax.random.key(2))
  assert jax.tree.all(jax.tree.map(np.array_equal, first, again))
  assert not np.array_equal(first[1]['gen/loss'], other[1]['gen/loss'])


def test_noise_given_by_the_batch_replaces_what_the_key_draws(game):
  _, _, state, batch, step = game
  z = np.random.default_rng(1).normal(size=(2, 4, 8)).astype(np.float32)
  given = {**batch, 'z': z, 'z_gen': z[0]}
  first = step(state, given, jax.random.key(1))[0]
  other = step(state, given, jax.random.key(2))[0]
  assert jax.tree.all(jax.tree.map(np.array_equal, first, other))


def test_spectral_vectors_advance_once_per_training_forward(game):
  """Two per discriminator update, one in the generator's: 5 for 2 critics."""
  c, _, state, batch, step = game
  models = build.models(configs.complete(c), (16, 16, 1))
  u = jax.tree.leaves(state.disc.stats['spectral'])
  moved = jax.tree.leaves(step(state, batch, jax.random.key(1))[0]
                          .disc.stats['spectral'])
  assert all((a != b).any() for a, b in zip(u, moved) if a.size > 1)
  # With D's learning rate at zero the weights stand still, and five power
  # iterations by hand give the same vectors.
  c = configs.base().copy_and_resolve_references()
  c.batch, c.critics = 4, 2
  c.generator = {'name': 'dcgan', 'latent': 8, 'width': 4}
  c.discriminator = {'name': 'dcgan', 'width': 4, 'conv': 'spectral',
                     'norm': 'none'}
  c.optimizer.disc.lr = 1e-30
  method = build.method(c)
  after, _ = jax.jit(method.step)(state, batch, jax.random.key(1))
  by_hand = dict(state.disc.stats)
  x = jnp.zeros((1, 16, 16, 1))
  for _ in range(5):
    _, by_hand = forward.judge(models.disc, state.disc.params, by_hand, x,
                               jax.random.key(0))
  for a, b in zip(jax.tree.leaves(by_hand['spectral']),
                  jax.tree.leaves(after.disc.stats['spectral'])):
    np.testing.assert_allclose(a, b, atol=2e-5)


def test_generator_statistics_move_in_both_players_updates(game):
  """Two critics and one generator update: three training forwards."""
  _, _, state, batch, step = game
  z = np.random.default_rng(1).normal(size=(2, 4, 8)).astype(np.float32)
  after, _ = step(state, {**batch, 'z': z, 'z_gen': z[0]}, jax.random.key(1))
  models = build.models(configs.complete(game[0]), (16, 16, 1))
  stats = state.gen.stats
  for noise in (z[0], z[1], z[0]):
    _, stats = forward.generate(models.gen, state.gen.params, stats, noise,
                                jax.random.key(0))
  for a, b in zip(jax.tree.leaves(stats), jax.tree.leaves(after.gen.stats)):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_the_average_is_half_way_with_decay_one_half(game):
  _, _, state, batch, step = game
  after, _ = step(state, batch, jax.random.key(1))
  half = jax.tree.map(lambda a, b: (a + b) / 2, state.gen.params,
                      after.gen.params)
  for a, b in zip(jax.tree.leaves(half), jax.tree.leaves(after.ema.params)):
    np.testing.assert_allclose(a, b, atol=1e-6)
  assert jax.tree.all(jax.tree.map(np.array_equal, after.ema.stats,
                                   after.gen.stats))


def test_averaging_ramps_up_copies_and_averages_statistics():
  old = Network({'w': jnp.zeros(2)}, {'batch_stats': {'m': jnp.zeros(2)}})
  new = Network({'w': jnp.ones(2)}, {'batch_stats': {'m': jnp.ones(2)}})
  none = steps.average(old, new, 0, decay=0.)
  assert none.params['w'][0] == 1.
  both = steps.average(old, new, 0, decay=.75, stats=True)
  assert both.params['w'][0] == .25 and both.stats['batch_stats']['m'][0] == .25
  # rampup 1 at step 0 means a half-life of one step, later the full decay.
  early = steps.average(old, new, 0, decay=.999, rampup=1.)
  late = steps.average(old, new, 10**6, decay=.999, rampup=1.)
  np.testing.assert_allclose(early.params['w'], .5, rtol=1e-6)
  np.testing.assert_allclose(late.params['w'], .001, rtol=1e-4)


def test_a_thousand_updates_at_decay_999_go_most_of_the_way():
  """mmd_adversarial_nas.md, golden 8."""
  ones = Network({'w': jnp.ones(1)}, {})
  average = functools.partial(steps.average, gen=ones, step=0, decay=.999)
  end = jax.jit(lambda start: jax.lax.fori_loop(
      0, 1000, lambda _, net: average(net), start))(
          Network({'w': jnp.zeros(1)}, {}))
  np.testing.assert_allclose(end.params['w'], .632304575229036, rtol=2e-5)


def test_the_half_life_may_rise_from_nothing_by_half_a_wave():
  """Of R3GAN on CIFAR-10: to 5 million images in 20, batches of 512."""
  old = Network({'w': jnp.zeros(2)}, {})
  new = Network({'w': jnp.ones(2)}, {})
  after = jax.jit(lambda images, rampup=0.: 1. - steps.average(
      old, new, images / 512, decay=.5**(512 / 5e6), end=20e6 / 512,
      rampup=rampup).params['w'][0], static_argnames='rampup')
  assert after(0.) == 0.  # a copy
  half_lives = [-512 / np.log2(np.float64(after(n)))
                for n in (5e6, 10e6, 15e6, 20e6, 50e6)]
  np.testing.assert_allclose(
      half_lives, [732_233.047, 2.5e6, 4_267_766.95, 5e6, 5e6], rtol=2e-3)
  np.testing.assert_allclose(
      [after(n) for n in (5e6, 10e6, 15e6)],
      [.9995154474, .9998580535, .9999168472], atol=1e-7)
  # Both limits hold, where both are there.
  np.testing.assert_allclose(after(512., rampup=.5), after(512.))
  np.testing.assert_allclose(after(50e6, rampup=1e-5), .5**(1 / .9765725),
                             rtol=1e-4)


def test_the_generator_batch_may_be_larger(game):
  c = game[0].copy_and_resolve_references()
  c.gen_batch = 8
  seen = []
  models = build.models(configs.complete(game[0]), (16, 16, 1))
  original = steps.generate
  step = build.method(c).step
  try:
    steps.generate = lambda m, p, s, z, key, labels: (
        seen.append(z.shape[0]), original(m, p, s, z, key, labels))[1]
    jax.eval_shape(step, game[2], game[3], jax.random.key(0))
  finally:
    steps.generate = original
  assert seen == [4, 4, 8] and models.gen.latent == 8


def test_a_paired_loss_sees_the_last_real_batch_in_the_generator_update():
  c = configs.base()
  c.batch = 4
  c.generator = {'name': 'dcgan', 'latent': 8, 'width': 4}
  c.discriminator = {'name': 'dcgan', 'width': 4}
  c.loss = {'name': 'relativistic_average'}
  method = build.method(c)
  rng = np.random.default_rng(0)
  image = rng.uniform(-1, 1, (1, 4, 16, 16, 1)).astype(np.float32)
  z = rng.normal(size=(1, 4, 8)).astype(np.float32)
  state = jax.jit(method.init)(jax.random.key(0), {'image': image})
  step = jax.jit(method.step)
  loss = lambda im: step(state, {'image': im, 'z': z, 'z_gen': z[0]},
                         jax.random.key(0))[1]['gen/loss']
  assert loss(image) != loss(-image)


@pytest.mark.parametrize('paired_stats, looks', [(False, 3), (True, 4)])
def test_real_images_in_the_generator_update_may_move_spectral_vectors(
    paired_stats, looks):
  """Two power iterations in D's update and in G's one, or as published two."""
  c = configs.base()
  c.batch, c.data = 4, {'name': 'mixture'}
  c.generator = {'name': 'mlp', 'latent': 2, 'width': 4, 'depth': 1}
  c.discriminator = {'name': 'mlp', 'width': 4, 'depth': 1,
                     'dense': 'spectral', 'outputs': 2}
  c.loss, c.paired_stats = {'name': 'mmd'}, paired_stats
  c.optimizer.disc.lr = 1e-30  # D's weights stand still
  method = build.method(c)
  batch = {'image': np.zeros((1, 4, 1, 1, 2), np.float32)}
  state = jax.jit(method.init)(jax.random.key(0), batch)
  after, _ = jax.jit(method.step)(state, batch, jax.random.key(1))
  model = build.models(configs.complete(c), (1, 1, 2)).disc
  look = jax.jit(lambda stats: forward.judge(
      model, state.disc.params, stats, batch['image'][0],
      jax.random.key(0))[1])
  by_hand = state.disc.stats
  for _ in range(looks):
    by_hand = look(by_hand)
  jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-6,
                                 atol=1e-7), by_hand, after.disc.stats)


def test_both_players_may_have_the_same_fakes(game):
  """Their noise, their distortion, and one count in G's statistics."""
  c = game[0].copy_and_resolve_references()
  c.augment = ({'name': 'diffaugment', 'policy': ('color', 'translation')},)
  models = build.models(configs.complete(game[0]), (16, 16, 1))
  parts = build.game(configs.complete(c))
  tell = lambda play: jnp.sum(
      play.fake.image * jnp.cos(jnp.arange(play.fake.image.size)).reshape(
          play.fake.image.shape))
  before = lambda play: jnp.sum(play.before()[1].logits)
  penalties = {'image': Penalty(tell, tell), 'logits': Penalty(
      lambda play: jnp.sum(play.fake.logits), before)}
  parts |= {'penalties': penalties, 'share_noise': True}
  step = jax.jit(functools.partial(
      steps.gan_step, models=models, tx=build.optimizers(game[0]), **parts))
  z = np.random.default_rng(1).normal(size=(2, 4, 8)).astype(np.float32)
  state, metrics = step(game[2], {**game[3], 'z': z}, jax.random.key(1))
  close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5)
  close(metrics['gen/image'], metrics['disc/image'])
  close(metrics['gen/logits'], metrics['disc/logits'])

  @jax.jit
  def moved(stats, z):
    return forward.generate(models.gen, game[2].gen.params, stats, z,
                            jax.random.key(0))[1]

  # Two critics, so two forward passes of G.
  jax.tree.map(close, moved(moved(game[2].gen.stats, z[0]), z[1]),
               state.gen.stats)


def test_an_objective_descends():
  """Plain gradient descent by hand equals `descend` with sgd."""
  tx = optax.sgd(.1)
  params = {'w': jnp.array([1., -2.])}
  net = Network(params, {}, tx.init(params))
  net, aux, norm = steps.descend(
      lambda p: (jnp.sum(p['w']**2), 'aux'), net, tx)
  np.testing.assert_allclose(net.params['w'], [.8, -1.6], rtol=1e-6)
  assert aux == 'aux'
  np.testing.assert_allclose(norm, np.sqrt(20.), rtol=1e-6)
