"""The duality gap of a game."""
import jax
import numpy as np
import pytest

from jgan import augmenting, build
from jgan import config as configs
from jgan.score import duality


@pytest.fixture(scope='module')
def game():
  c = configs.base()
  c.batch = 16
  c.data = {'name': 'mixture', 'kind': 'ring'}
  c.generator = {'name': 'mlp', 'latent': 2, 'width': 16}
  c.discriminator = {'name': 'mlp', 'width': 16}
  for side in ('gen', 'disc'):
    c.optimizer[side].update({'lr': 1e-2, 'b1': 0.})
  c = configs.complete(c)
  method = build.method(c)
  images = build.source(c, '')[:200]
  state = method.init(jax.random.key(0), {'image': images[None, :16]})
  return c, method, images, state


def test_without_a_step_it_is_zero(game):
  c, _, images, state = game
  found = duality.Gap(c, images, updates=0).score(state, 0)
  assert found['duality_gap'] == 0.
  assert found['duality_gap-minmax'] == found['duality_gap-maxmin']
  # Two untrained players: D's loss is that of logits near zero.
  assert abs(found['duality_gap-maxmin'] + 2 * np.log(2)) < .1


def test_two_players_that_can_still_gain_have_a_gap(game):
  """Each response helps its own side, and the state itself stays."""
  c, _, images, state = game
  before = jax.tree.map(np.asarray, state)
  gap = duality.Gap(c, images, updates=40)
  found = gap.score(state, 0)
  still = duality.Gap(c, images, updates=0).score(state, 0)
  assert found['duality_gap'] > .1
  assert found['duality_gap-minmax'] > still['duality_gap-minmax']
  assert found['duality_gap-maxmin'] < still['duality_gap-maxmin']
  assert found == gap.score(state, 0)
  assert jax.tree.all(jax.tree.map(np.array_equal, before, state))


def test_the_game_has_the_augmentations_of_the_run(game, monkeypatch):
  """Also a loss that draws, and the steps that lazy penalties wait for."""
  c, _, images, state = game
  c = c.copy_and_resolve_references().unlock()
  c.augment = ({'name': 'diffaugment', 'policy': ('color',)},)
  c.loss = {'name': 'hinge_random_margin'}
  c.penalties = ({'name': 'r1', 'every': 2},)
  c = configs.complete(c)
  seen = []
  monkeypatch.setattr(augmenting, 'distort', lambda rng, x, augment, state: (
      seen.append([*augment]), x)[1])
  gap = duality.Gap(c, images, updates=2)
  assert gap.score(state, 0)['duality_gap'] != 0.
  # Real and fake in an update of D and in h, fake in an update of G.
  assert seen == [['diffaugment']] * 5
  image = images[:16]
  after = gap.train_disc(state, {'image': image}, jax.random.key(0))
  assert int(after.step) == int(state.step) + 1


def test_the_best_response_of_g_may_have_the_fakes_of_d(game):
  """A penalty that keeps the pairs of D's update finds those of this D."""
  c, _, images, state = game
  c = c.copy_and_resolve_references().unlock()
  c.gen_noise = 'shared'
  c.penalties = ({'name': 'sample_differences', 'reselect': False},)
  gap = duality.Gap(configs.complete(c), images, updates=1)
  after = jax.eval_shape(gap.train_gen, state, {'image': images[:16]},
                         jax.random.key(0))
  assert jax.tree.structure(after) == jax.tree.structure(state)
