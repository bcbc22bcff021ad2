"""Extra-gradient steps: the bilinear game by hand, Adam, pruning, resuming."""
import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jgan import build, steps
from jgan import config as configs
from jgan.errors import UserError
from jgan.losses import wasserstein
from jgan.methods import extragradient
from jgan.optim import algorithms
from jgan.run import loop
from jgan.types import Loss, Pair

KEY = jax.random.key(0)
RATE = .3
START = np.array([1., .5])  # of G, x, and of D, y


class G(nn.Module):
  """Every image is x."""
  latent: int = 1

  @nn.compact
  def __call__(self, z, train):
    x = self.param('x', nn.initializers.constant(START[0]), ())
    return jnp.broadcast_to(x, (len(z), 1, 1, 1))


class D(nn.Module):
  """D(image) = y times the image."""
  @nn.compact
  def __call__(self, image, train):
    y = self.param('y', nn.initializers.constant(START[1]), ())
    return y * image[:, 0, 0, 0]


def bilinear(tx, past=False, ema=lambda ema, gen, step: ema):
  """The first state, and a jitted step, of min_y max_x x y: all reals are 0."""
  game = dict(models=Pair(G(), D()), tx=Pair(tx, tx))
  batch = {'image': jnp.zeros((2 - past, 2, 1, 1, 1))}
  state = extragradient.init(KEY, batch, past=past, **game)
  step = jax.jit(functools.partial(
      extragradient.step, past=past, ema=ema, gen_batch=0, penalties={},
      loss=Loss(wasserstein.discriminator, wasserstein.generator),
      prepare=lambda rng, x: x, **game))
  return state, lambda state: step(state, batch, KEY)[0]


def where(state):
  return np.array([state.gen.params['x'], state.disc.params['y']])


def field(w):
  """What simultaneous descent subtracts: G raises x y, D lowers it."""
  return np.array([-w[1], w[0]])


def test_on_the_bilinear_game_it_is_the_recurrence_and_converges():
  state, step = bilinear(algorithms.sgd(RATE))
  w = START
  for _ in range(60):
    state = step(state)
    w = w - RATE * field(w - RATE * field(w))
    np.testing.assert_allclose(where(state), w, atol=1e-5)
  # Each step shrinks the distance by a known factor; descent raises it.
  shrunk = np.sqrt(1 - RATE**2 + RATE**4)
  np.testing.assert_allclose(np.hypot(*w), shrunk**60 * np.hypot(*START),
                             rtol=1e-6)
  np.testing.assert_allclose(np.hypot(*(START - RATE * field(START))),
                             np.sqrt(1 + RATE**2) * np.hypot(*START))
  assert int(state.step) == 60


def test_extrapolation_from_the_past_is_its_recurrence_and_converges():
  state, step = bilinear(algorithms.sgd(RATE), past=True)
  w, last = START, 0. * START
  for _ in range(60):
    state = step(state)
    last = -RATE * field(w + last)
    w = w + last
    np.testing.assert_allclose(where(state), w, atol=1e-5)
  assert np.hypot(*w) < .1 * np.hypot(*START)


def test_with_adam_its_moments_see_both_gradients_and_its_rate_steps():
  rate = lambda count: .1 / (1. + count)
  state, step = bilinear(algorithms.adam(rate, b1=.5, b2=.9))
  w, m, v, t = START, 0., 0., 0

  def update(gradient, m, v, t):
    m, v = .5 * m + .5 * gradient, .9 * v + .1 * gradient**2
    return -m / (1 - .5**t) / (np.sqrt(v / (1 - .9**t)) + 1e-8), m, v

  for n in range(3):
    state = step(state)
    u, m, v = update(field(w), m, v, t + 1)
    u, m, v = update(field(w + rate(n) * u), m, v, t + 2)
    w, t = w + rate(n) * u, t + 2
    np.testing.assert_allclose(where(state), w, rtol=1e-4)


def test_the_average_follows_the_steps_and_not_the_extrapolations():
  average = functools.partial(steps.average, decay=.5)
  state, step = bilinear(algorithms.sgd(RATE), ema=average)
  want = START[0]
  for _ in range(3):
    state = step(state)
    want = .5 * want + .5 * where(state)[0]
  np.testing.assert_allclose(state.ema.params['x'], want, rtol=1e-5)


@pytest.fixture
def game(tiny):
  tiny.steps, tiny.samples.every = 3, 0
  tiny.method = {'name': 'extragradient'}
  return tiny


@pytest.mark.parametrize('changes, words', [
    ({'method': {'name': 'extragradient', 'past': True, 'fresh': False}},
     'no second gradient'),
    ({'critics': 2}, 'critics=2'), ({'lazy': 'apart'}, "'joined'"),
    ({'optimizer.gen.name': 'optax:schedule_free_sgd'}, 'both gradients'),
    ({'optimizer.gen.name': 'optax:prodigy'}, 'counts all gradients'),
    ({'optimizer.disc.pruning': {'name': 'prune_grow', 'reinit': True}},
     'reinit is True')])
def test_what_is_no_such_step_is_refused(game, changes, words):
  for path, value in changes.items():
    if path == 'optimizer.gen.name':
      game.optimizer.gen = {'name': value, 'lr': .1}
    else:
      game.update_from_flattened_dict({path: value})
  with pytest.raises(UserError, match=words):
    build.method(configs.complete(game))


@pytest.mark.long
@pytest.mark.parametrize('past', [False, True])
def test_it_trains_with_what_is_around_it_on_devices_and_resumes(
    game, past, tmp_path, interrupted):
  c = game
  c.dtype, c.devices, c.method.past = 'bfloat16', 4, past
  c.generator.conv = c.discriminator.conv = {'name': 'octave', 'alpha': .5}
  c.schedules = ({'name': 'octave', 'curve': 'combi'},)
  c.penalties = ({'name': 'lecam', 'start': 1},)
  c.augment = ({'name': 'ada'},)
  for player in ('gen', 'disc'):
    c.optimizer[player].pruning = {'name': 'prune_grow', 'ratio': .3,
                                   'warmup': 1, 'interval': 2}
  whole = loop.run(c, tmp_path / 'whole')
  interrupted(c, tmp_path / 'part', step=2)
  again = loop.run(c, tmp_path / 'part')
  assert jax.tree.all(jax.tree.map(np.array_equal, whole, again))
  for net in (whole.gen, whole.disc):
    held = jax.tree.map(lambda p, m: np.where(m, 0., p), net.params,
                        net.opt.masks)
    assert not any(np.any(x) for x in jax.tree.leaves(held))
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(net.params))
  counts = {int(x.count) for x in jax.tree.leaves(
      whole.gen.opt, is_leaf=lambda x: isinstance(
          x, optax.ScaleByScheduleState))
            if isinstance(x, optax.ScaleByScheduleState)}
  assert counts == {3}
