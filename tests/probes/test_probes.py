"""Probes: their numbers on a linear game, and their place in a run."""
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import build, lookup
from jgan import config as configs
from jgan.errors import UserError
from jgan.run import loop
from jgan.run.logbook import read
from jgan.score import held_out, probing
from jgan.types import Pair, Scene

# D(x) = a . x for images of 1 x 1 x 2; G(z) = w z with a scalar w, loss -D.
A = jnp.array([3., -4.])
IMAGE = lambda *rows: jnp.array(rows, jnp.float32).reshape(-1, 1, 1, 2)


def scene(**changes):
  real, fake = IMAGE([1, 0], [1, 2], [3, 0]), IMAGE([0, 0], [0, 1], [0, 3])
  z = jnp.array([[1., 2.]])
  return Scene(
      real=real, held_out=IMAGE([0, 0], [1, 0], [2, 0]), fake=fake, plain=real,
      made=fake, averaged=real,
      judge=lambda x: x.reshape(-1, 2) @ A,
      gen_loss=lambda w: -jnp.sum(w['first'] * w['last'] * z @ A),
      gen_params={'last': jnp.array([2.]), 'first': jnp.array([5.])},
      gen_layers=(('first',), ('last',)),
      losses=Pair(gen=lambda real, fake: -jnp.mean(fake),
                  disc=lambda real, fake: jnp.mean(jax.nn.relu(1. - real))
                  + jnp.mean(jax.nn.relu(1. + fake))))._replace(**changes)


def measured(name, seen=None, **knobs):
  module = lookup.find('probes', name)
  observed = jax.tree.map(np.atleast_1d, module.observe(
      seen or scene(), **knobs))
  return {k: float(v) for k, v in module.values(observed).items()}


def test_the_gradient_of_a_linear_d_is_its_weight_everywhere():
  assert measured('gradient_norm') == {'real': 5., 'fake': 5., 'real_std': 0.,
                                       'fake_std': 0.}


def test_of_several_outputs_it_is_the_norm_of_the_jacobian():
  """And of images at several scales all count."""
  w = jnp.array([[1., 2., 0.], [2., 0., 4.]])
  both = scene(judge=lambda x: x.reshape(-1, 2) @ w)
  assert measured('gradient_norm', both)['real'] == 5.
  pair = scene(fake=(IMAGE([1, 1]), IMAGE([2, 2])), judge=lambda x: (
      x[0].reshape(-1, 2) @ A + 12. * x[1][:, 0, 0, 0]
      if isinstance(x, tuple) else x.reshape(-1, 2) @ A))
  assert measured('gradient_norm', pair)['fake'] == 13.


def test_the_gradient_of_g_is_relative_to_its_parameters():
  """The loss is 5 first * last, at first = 5, last = 2."""
  flow = measured('gradient_flow')
  assert flow['norm'] == pytest.approx(np.hypot(10., 25.))
  assert flow['all'] == pytest.approx(np.hypot(10., 25.) / np.hypot(2., 5.))
  assert flow['first'] == pytest.approx(10. / 5.)
  assert flow['last'] == pytest.approx(25. / 2.)


def test_overfitting_is_the_share_of_the_gap_that_held_out_images_fall():
  """D: (3, -5, 9) of reals, (0, 3, 6) of held-out ones, (0, -4, -12)."""
  values = measured('held_out')
  real, held, fake = 7 / 3, 3., -16 / 3
  assert values['real'] == pytest.approx(real)
  assert values['held_out'] == pytest.approx(held)
  assert values['overfitting'] == pytest.approx((real - held) / (real - fake))
  error = np.sqrt(np.var([3, -5, 9]) / 3 + np.var([0, 3, 6]) / 3)
  assert values['overfitting_error'] == pytest.approx(error / (real - fake))


def test_a_d_that_tells_nothing_apart_does_not_overfit():
  flat = scene(judge=lambda x: jnp.ones(len(x)))
  assert measured('held_out', flat)['overfitting'] == 0.


def test_the_spread_of_outputs_is_over_pairs_of_different_images():
  values = measured('spread')
  assert values['real'] == pytest.approx((8**2 + 6**2 + 14**2) / 3)
  assert values['fake'] == pytest.approx((4**2 + 12**2 + 8**2) / 3)
  between = [(a - b)**2 for a in (3, -5, 9) for b in (0, -4, -12)]
  assert values['between'] == pytest.approx(np.mean(between))


def test_outputs_beyond_the_margin_are_saturated():
  """Reals 3, -5, 9 beyond 1: two of three; fakes 0, -4, -12 below -1: two."""
  assert measured('saturation') == pytest.approx({'disc': 2 / 3, 'gen': 0.})
  assert measured('saturation', slope=1.5)['gen'] == 1.


def test_diversity_is_relative_to_that_of_real_images():
  values = measured('diversity')
  real, fake = (4 + 4 + 8) / 3, (1 + 9 + 4) / 3
  assert values['all'] == pytest.approx(np.sqrt(fake / real))
  assert values['nearest'] == pytest.approx((1 + 1 + 2) / (2 + 2 + 2))
  assert values['average'] == 1.
  alike = scene(made=IMAGE([1, 1], [1, 1]))
  assert measured('diversity', alike)['all'] == 0.


@pytest.fixture(scope='module')
def game():
  c = configs.base()
  c.batch, c.devices, c.steps = 16, 1, 4
  c.data = {'name': 'mixture', 'kind': 'ring', 'count': 200}
  c.generator = {'name': 'mlp', 'latent': 2, 'width': 8}
  c.discriminator = {'name': 'mlp', 'width': 8}
  c.pipeline.fraction = .5
  c.log.every, c.samples.every, c.checkpoint.every = 1, 0, 2
  c.eval.update({'every': 2, 'metrics': ('fd_pixels',), 'samples': 20,
                 'batch': 10})
  return c


def probed(c, names=()):
  c = c.copy_and_resolve_references().unlock()
  c.eval.probes = tuple(names or lookup.names('probes'))
  return c


def test_a_run_with_probes_is_the_run_without_them(
    game, tmp_path, interrupted):
  """And one that was stopped has the same records."""
  plain = loop.run(game, tmp_path / 'plain')
  c = probed(game, ['held_out', 'diversity'])
  state = loop.run(c, tmp_path / 'probed')
  assert jax.tree.all(jax.tree.map(np.array_equal, plain, state))
  records = read(tmp_path / 'probed')
  without = [{k: v for k, v in r.items() if not k.startswith('probe/')}
             for r in records]
  assert without == read(tmp_path / 'plain')
  for record in records:
    names = {k.split('/')[1] for k in record if k.startswith('probe/')}
    assert names == ({*c.eval.probes} if 'eval/fd_pixels' in record else set())
  interrupted(c, tmp_path / 'stopped', step=2)
  loop.run(c, tmp_path / 'stopped')
  assert read(tmp_path / 'stopped') == records
  c.eval.overlap = 'on'  # the state is looked at before training goes on
  loop.run(c, tmp_path / 'flown')
  assert sorted(map(str, read(tmp_path / 'flown'))) == sorted(map(str, records))


def test_a_probe_is_compiled_once_and_sees_the_same_each_time(game):
  c = configs.complete(probed(game))
  source = build.source(c, '')
  probes = probing.Probes(c, source)
  state = build.method(c).init(jax.random.key(0), {'image': source[None, :16]})
  first = probes.values(probes.begin(state))
  moved = state.replace(step=state.step + 1, disc=state.disc.replace(
      params=jax.tree.map(lambda x: 2 * x, state.disc.params)))
  assert probes.values(probes.begin(state)) == first
  after = probes.values(probes.begin(moved))
  assert probes.observed._cache_size() == 1
  assert after['probe/gradient_norm/real'] > first['probe/gradient_norm/real']
  same = 'probe/diversity/all'
  assert after[same] == first[same]


def test_held_out_images_are_none_of_the_training_images(game):
  c = configs.complete(game)
  both = np.concatenate([build.source(c, ''), held_out.images(c, '')])
  whole = game.copy_and_resolve_references().unlock()
  whole.pipeline.fraction = 1.
  everything = build.source(configs.complete(whole), '')
  assert sorted(map(bytes, both)) == sorted(map(bytes, everything))
  with pytest.raises(UserError, match='which has no splits.*cifar10.*mnist'):
    held_out.images(configs.complete(whole), '')
  whole.data = {'name': 'celeba'}
  with pytest.raises(UserError, match="the split 'all' of celeba"):
    held_out.images(configs.complete(whole), '')


@pytest.mark.parametrize('changes, words', [
    ({'eval.probes': ('gradient_nrom',)}, "did you mean 'gradient_norm'"),
    ({'eval.probes': ('spread',), 'eval.every': 0}, 'eval.every is 0: nothing'),
    ({'eval.probes': ('saturation',),
      'eval.knobs': {'saturation': {'slop': .1}}},
     "probe 'saturation' has no argument 'slop': did you mean 'slope'"),
])
def test_probes_that_cannot_be_are_refused(game, changes, words):
  c = game.copy_and_resolve_references().unlock()
  c.update_from_flattened_dict(changes)
  with pytest.raises(UserError, match=words):
    configs.complete(c)


def test_a_d_of_several_outputs_has_no_verdict_on_held_out_images(game):
  c = probed(game, ['held_out'])
  c.discriminator.outputs = 3
  c.loss = {'name': 'mmd'}
  c = configs.complete(c)
  with pytest.raises(UserError, match='3 outputs, and one is needed'):
    probing.Probes(c, build.source(c, ''))
  c = configs.complete(probed(c, ['spread', 'gradient_norm', 'saturation']))
  probing.Probes(c, build.source(c, ''))
