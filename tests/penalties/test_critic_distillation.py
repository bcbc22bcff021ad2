"""Distillation of discriminators: the published value, and tickets."""
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import build
from jgan import config as configs
from jgan.errors import UserError
from jgan.penalties import critic_distillation
from jgan.run import logbook, loop
from jgan.types import Play, View
from tests.penalties.test_distillation import KEY, drawn, exported


def play(real, fake):
  view = lambda x: View(x, x[:, 0, 0, 0])
  return Play(view(real), view(fake), None, None, None, KEY, jnp.int32(0))


def test_it_is_the_published_mean_over_images_and_both_probabilities():
  rng = np.random.default_rng(0)
  real, fake = np.float32(rng.normal(size=(2, 6, 1, 1, 1)))
  teacher = lambda rng: lambda x: 2. * x[:, 0, 0, 0] + .5
  both = np.concatenate([real, fake]).astype(np.float64)[:, 0, 0, 0]
  p, q = (1. / (1. + np.exp(-np.stack([x, -x], 1)))
          for x in (2. * both + .5, both))
  value = critic_distillation.discriminator(play(real, fake), teacher=teacher)
  np.testing.assert_allclose(value, np.mean(p * np.log(p / q)), rtol=1e-5)


def test_a_critic_that_is_its_own_teacher_has_nothing_to_learn():
  x = np.float32(np.random.default_rng(0).normal(size=(4, 1, 1, 1)))
  same = lambda w: critic_distillation.discriminator(
      Play(View(x, w * x[:, 0, 0, 0]), View(x, w * x[:, 0, 0, 0]), None, None,
           None, KEY, 0), teacher=lambda rng: lambda x: x[:, 0, 0, 0])
  value, slope = jax.value_and_grad(same)(1.)
  assert value == 0. and abs(slope) < 1e-7


def test_large_outputs_have_finite_values_and_slopes():
  value, slope = jax.value_and_grad(
      lambda x: critic_distillation.divergence(jnp.float32([-200., 90.]), x))(
          jnp.float32([300., -400.]))
  np.testing.assert_allclose(value, (300. + 400.) / 2.)
  np.testing.assert_allclose(slope, [.5, -.5])


@pytest.mark.parametrize('taught, logits', [((4,), (4, 1)), ((4, 3), (4, 3))])
def test_outputs_that_are_no_probability_are_refused(taught, logits):
  with pytest.raises(UserError, match='one of each image would be right'):
    critic_distillation.divergence(jnp.zeros(taught), jnp.zeros(logits))


def test_a_weight_below_zero_is_refused():
  x = jnp.zeros((2, 1, 1, 1))
  with pytest.raises(UserError, match='weight=-1; at least 0'):
    critic_distillation.discriminator(play(x, x), weight=-1.)


@pytest.mark.long
def test_tickets_of_both_players_learn_from_a_dense_critic(
    tiny, tmp_path, interrupted):
  """Pruned and rewound, then killed and gone on with, to the same bits."""
  tiny.discriminator.norm = 'none'
  dense = configs.complete(tiny)
  file = exported(dense, jax.device_get(drawn(dense).disc.replace(opt=())),
                  tmp_path / 'd.npz', 'discriminator')
  tiny.penalties = ({'name': 'critic_distillation', 'teacher': str(file)},)
  for player in ('gen', 'disc'):
    tiny.optimizer[player].pruning = {'name': 'fixed_mask'}
  tiny.method = {'name': 'lottery', 'rounds': 1, 'round_steps': 2}
  c = configs.complete(tiny)
  whole = loop.run(c, tmp_path / 'whole')
  interrupted(c, tmp_path / 'part', step=3)
  again = loop.run(c, tmp_path / 'part')
  assert jax.tree.all(jax.tree.map(np.array_equal, whole, again))
  records = [r for r in logbook.read(tmp_path / 'part')
             if 'ticket/density' in r]
  assert all(r['disc/critic_distillation'] > 0. for r in records)
  assert records[-1]['ticket/density'] == pytest.approx(.8, abs=.02)


def test_a_generator_is_no_teacher_of_a_critic(tiny, tmp_path):
  dense = configs.complete(tiny)
  file = exported(dense, drawn(dense).ema, tmp_path / 'g.npz')
  tiny.penalties = ({'name': 'critic_distillation', 'teacher': str(file)},)
  made = build.penalties(configs.complete(tiny))['critic_distillation']
  with pytest.raises(UserError, match='has a generator, and a discriminator '
                     'would be right: --mode=export --discriminator'):
    made.discriminator.keywords['teacher'](KEY)
