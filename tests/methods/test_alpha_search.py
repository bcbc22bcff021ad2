"""alphaGAN's search: the order of its turns, the gap, what each turn moves."""
import collections
import functools
import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.interpreters import partial_eval

from jgan import batches, build
from jgan.errors import UserError
from jgan.layers import dense, output
from jgan.losses import hinge
from jgan.methods import alpha_search
from jgan.methods._outer import Outer
from jgan.models import autogan
from jgan.run import checkpoint, loop
from jgan.run.logbook import read
from jgan.types import GanState, Loss, Network, Pair
from tests.rounding import assert_replicated, assert_same_but_rounding

TURNS = ('critic', 'both', 'stars', 'dbar', 'gbar', 'alpha', 'gap')
OUTER = Outer(weight_steps=3, star_steps=2, arch_steps=2, critics=2)
AUGMENTED = {'pipeline.flip': True, 'pipeline.dequantize': True}


class Critic(nn.Module):
  """A discriminator that is not searched and compiles in a second."""
  size: int
  colors: int
  width: int = 4
  dtype: Any = jnp.float32
  axis_name: str | None = None

  @nn.compact
  def __call__(self, x, train):
    del train
    h = dense.spectral(self.width, name='hidden')(x.reshape(len(x), -1))
    return output.logits(dense.spectral(1, name='logits')(nn.relu(h)))


@pytest.fixture(scope='module', autouse=True)
def critic():
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(autogan, 'Discriminator', Critic)
    yield


@pytest.fixture(scope='module')
def searching(game):
  """Makes the config of two outer iterations; changes: {'a.b': value}."""
  def made(**changes):
    c = game(steps=OUTER.steps(2), batch=8, gen_batch=8, critics=2)
    c.generator = {'name': 'adversarial_nas_super', 'relax': 'softmax'}
    c.discriminator = {'name': 'autogan'}
    c.loss = {'name': 'hinge'}
    c.method = {'name': 'alpha_search', 'weight_steps': 3, 'star_steps': 2,
                'arch_steps': 2, 'arch_lr': .01}
    c.checkpoint.every = OUTER.steps(1)
    for player in ('gen', 'disc'):  # Adam magnifies rounding
      c.optimizer[player] = {
          'name': 'sgd', 'lr': .02, 'momentum': .9, 'groups': (),
          'schedule': {'name': 'constant'}, 'clip_norm': 0., 'clip_weight': 0.}
    for path, value in changes.items():
      c.update_from_flattened_dict({path: value})
    return c
  return made


@pytest.fixture(scope='module')
def made(searching):
  """(changes) -> method, {turn: compiled step}, its first state; kept."""
  @functools.cache
  def make(**changes):
    method = build.method(searching(**changes))
    batch = {'image': jnp.zeros((1, 1, 8, 8, 1))}
    state = jax.jit(lambda: method.init(jax.random.key(0), batch))()
    return method, {k: jax.jit(v) for k, v in method.step.items()}, state
  return make


@pytest.fixture(scope='module')
def played(made):
  """Of the plain search: each turn's name, state before, after, metrics."""
  _, turns, state = made()
  found = {}
  for i, name in enumerate(TURNS):
    after, metrics = turns[name](state, images(i), jax.random.key(i))
    found[name] = state, after, metrics
    state = after
  return found


@pytest.fixture(scope='module')
def unbroken(searching, tmp_path_factory):
  """A whole run: folder, last state, names of what was compiled."""
  folder, compiled = tmp_path_factory.mktemp('whole'), []
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(loop, 'report_compiled',
                  lambda name, *_: compiled.append(name))
    state = loop.run(searching(**AUGMENTED), folder)
  return folder, state, compiled


def images(seed):
  return {'image': np.random.default_rng(seed).integers(
      0, 256, (1, 8, 8, 8, 1)).astype(np.uint8)}


def equal(a, b):
  return jax.tree.all(jax.tree.map(np.array_equal, a, b))


def moved(a, b):
  """Names of the leaves that differ."""
  flat = jax.tree_util.tree_flatten_with_path(a)[0]
  return {jax.tree_util.keystr(path, simple=True, separator='/')
          for (path, x), y in zip(flat, jax.tree.leaves(b), strict=True)
          if not np.array_equal(x, y)}


def game_of(method):
  """The Game behind a method's turns."""
  return method.step['alpha'].args[0]


def arch_step(method, state, batch, rng, **changes):
  """One `alpha` by plain gradient descent: -> the state after it, and what it
  took from the logits of G and of D, None where there are none.
  """
  tx = optax.sgd(1.)
  game = game_of(method)._replace(arch_tx=tx, **changes)
  arch = dict.fromkeys(state.extra['arch'], tx.init(None))
  state = state.replace(extra={**state.extra, 'arch': arch})
  after, _ = jax.jit(functools.partial(alpha_search.alpha, game))(
      state, batch, rng)
  took = (jax.tree.map(lambda a, b: np.asarray(a) - b, old.stats['arch'],
                       new.stats['arch']) if 'arch' in old.stats else None
          for old, new in ((state.gen, after.gen), (state.disc, after.disc)))
  return after, *took


def value(method, rng, of):
  """The objective of `alpha`, from scratch: of(fakes, judged) -> scalar.

  fakes(net, logits) are G's images, judged(net, images) D's logits.
  """
  models = game_of(method).models
  z = jax.random.normal(jax.random.split(rng, 4)[1], (8, models.gen.latent))

  def fakes(net, logits):
    return models.gen.apply({'params': net.params, **net.stats, 'arch': logits},
                            z, True, mutable=['batch_stats'])[0]

  def judged(net, x, **stats):
    return models.disc.apply({'params': net.params, **net.stats, **stats}, x,
                             True, mutable=['spectral'])[0]
  return of(fakes, judged)


# The order of turns.

def test_an_outer_iteration_has_its_turns_in_order():
  """Two best responses of R steps, then S of the architecture, then the gap."""
  names = [OUTER.plan(s).name for s in range(OUTER.steps(2))]
  rest = ['stars', 'dbar', 'dbar', 'gbar', 'gbar', 'alpha', 'alpha', 'gap']
  # Every second update of D, counted through both iterations, brings G's.
  assert names == ['critic', 'both', 'critic', *rest,
                   'both', 'critic', 'both', *rest]


def test_the_published_sizes_take_this_many_updates():
  for t, r, k in ((20, 20, 100), (390, 390, 100)):
    outer = Outer(t, r, 20)
    assert outer.steps(1) == t + 2 * r + 22
    names = collections.Counter(
        outer.plan(s).name for s in range(outer.steps(3)))
    assert names['critic'] + names['both'] == 3 * t
    assert names['both'] == 3 * t // 5
    assert names['dbar'] == names['gbar'] == 3 * r
    assert names['alpha'] == 60 and names['stars'] == names['gap'] == 3
    assert outer.weights(outer.steps(k)) == k * t


@pytest.mark.parametrize('outer', [
    OUTER, OUTER._replace(warmup=2), OUTER._replace(paired=True),
    OUTER._replace(gbar=False, held=.25), OUTER._replace(star_steps=0),
    Outer(7, 3, 1, 5, warmup=1)])
def test_no_batch_of_either_share_is_skipped_or_seen_twice(outer):
  taken = collections.defaultdict(list)
  weights = 0
  for step in range(outer.steps(5)):
    assert outer.weights(step) == weights
    turn = outer.plan(step)
    weights += turn.name in ('critic', 'both')
    assert turn.critics == (turn.name in ('critic', 'both', 'dbar', 'alpha',
                                          'gap')
                            or (outer.paired and turn.name == 'gbar'))
    if turn.critics:
      taken[turn.share].append(turn.index)
  train_share, held = (0., 1. - outer.held), (1. - outer.held, 1.)
  assert set(taken) == {train_share, held}
  assert all(found == [*range(len(found))] for found in taken.values())
  assert len(taken[train_share]) == weights == 5 * outer.weight_steps


def test_the_shares_have_no_image_in_common():
  seen = collections.defaultdict(set)
  for step in range(OUTER.steps(4)):
    turn = OUTER.plan(step)
    rows = batches.turn_indices(0, turn, batch=5, total=41)
    assert rows.shape == (turn.critics, 5)
    seen[turn.share] |= {*rows.ravel().tolist()}
  one, two = seen.values()
  assert not one & two and len(one | two) == 41


def test_only_weights_are_trained_while_warming_up():
  outer = OUTER._replace(warmup=2)
  assert outer.steps(2) == 6 and outer.steps(3) == 6 + OUTER.steps(1)
  assert {outer.plan(s).name for s in range(6)} == {'critic', 'both'}
  # As if the warm-up were one long weight part.
  assert [outer.plan(6 + s).name for s in range(11)] == [
      OUTER.plan(s).name for s in range(11)]


def test_off_by_two_makes_22_steps_of_20(searching):
  """1.8: 2,178 updates of D and 436 of G in 99 outer iterations."""
  plan = build.method(searching(**{
      'critics': 5, 'method.weight_steps': 20, 'method.star_steps': 20,
      'method.arch_steps': 20, 'method.off_by_two': True})).plan
  names = collections.Counter(plan(s).name for s in range(99 * 90))
  assert names == {'critic': 2178 - 435, 'both': 435, 'stars': 99, 'gap': 99,
                   'dbar': 2178, 'gbar': 2178, 'alpha': 2178}


def test_rates_fall_over_the_updates_of_g_that_there_are(searching,
                                                         monkeypatch):
  seen = []
  optimizers = build.optimizers
  monkeypatch.setattr(build, 'optimizers', lambda config, steps: (
      seen.append(steps), optimizers(config, steps))[1])
  for changes, k in (({}, 6), ({'method.warmup': 4}, 6),
                     ({'method.off_by_two': True}, 6),
                     ({'method.gbar': 'none'}, 6)):
    c = searching(**changes)
    more = 2 * c.method.get('off_by_two', False)
    outer = Outer(3 + more, 2 + more, 2 + more, 2,
                  c.method.get('gbar') != 'none', c.method.get('warmup', 0))
    c.steps = outer.steps(k)
    plan = build.method(c).plan
    assert seen[-1] == [plan(s).name for s in range(c.steps)].count('both')


# The gap.

class Indices(nn.Module):
  """Images that only say which row of Judgements to look up."""
  latent: int = 1

  @nn.compact
  def __call__(self, z, train):
    return self.param('which', nn.initializers.zeros, (2,)) + 0. * z[:, 0]


class Judgements(nn.Module):

  @nn.compact
  def __call__(self, x, train):
    table = self.param('table', nn.initializers.zeros, (6,))
    return table[x.astype(int)]


def net(**params):
  return Network({k: jnp.array(v, jnp.float32) for k, v in params.items()}, {})


def test_the_hinge_gap_is_its_golden():
  """1.14: h(G, Dbar) = .75, h(Gbar, D) = .85, V = .10."""
  models = Pair(Indices(), Judgements())
  game = alpha_search.Game(
      models, models, Loss(hinge.discriminator, hinge.generator), {}, {},
      None, None, lambda rng, x: x, None, {}, 2, 2, True, False, False, 0, None)
  state = GanState(
      jnp.int32(0), net(which=[2, 3]), net(table=[.5, 2., 0, 0, .2, -1.5]),
      None, {'stars': {'gen': net(which=[4, 5]),
                       'disc': net(table=[1.5, 0., -.5, -2., 0, 0])}})
  _, found = alpha_search.gap(game, state, {'image': jnp.array([[0., 1.]])},
                              jax.random.key(0))
  np.testing.assert_allclose(
      [found[f'gap/{k}'] for k in ('duality_gap', 'minmax', 'maxmin')],
      [.10, -.75, -.85], atol=1e-6)


def test_best_responses_without_a_step_leave_no_gap(made):
  _, turns, state = made()
  state, _ = turns['both'](state, images(0), jax.random.key(0))
  state, _ = turns['stars'](state, images(0), jax.random.key(1))
  _, metrics = turns['gap'](state, images(1), jax.random.key(2))
  assert metrics['gap/duality_gap'] == 0. and metrics['gap/minmax'] < 0.


def test_the_logged_gap_is_the_difference_of_its_terms(unbroken):
  records = [r for r in read(unbroken[0]) if 'gap/minmax' in r]
  gaps = {r['step']: r['gap/duality_gap'] for r in records}
  ends = [OUTER.steps(1), OUTER.steps(2)]
  assert len({gaps[end] for end in ends}) == 2 and all(
      np.isfinite(gaps[end]) for end in ends)
  for r in records:
    np.testing.assert_allclose(r['gap/duality_gap'],
                               r['gap/minmax'] - r['gap/maxmin'], atol=1e-5)


# The gradient of V.

def test_the_logits_fall_along_minus_relu_of_one_plus_dbar(made, played):
  """1.7: nothing else of V depends on G's architecture."""
  state, rng = played['alpha'][0], jax.random.key(7)
  method = made()[0]
  dbar = state.extra['stars']['disc']
  want = jax.grad(lambda logits: value(method, rng, lambda fakes, judged: -(
      jnp.mean(jax.nn.relu(1. + judged(dbar, fakes(state.gen, logits)))))))(
          state.gen.stats['arch'])
  _, found, _ = arch_step(method, state, images(3), rng)
  for part in want:
    assert np.abs(want[part]).max() > 1e-4
    np.testing.assert_allclose(found[part], want[part], atol=1e-6)


def saturated(state):
  """The state with a Dbar that is sure of every fake."""
  bar = state.extra['stars']
  params = jax.tree.map(jnp.copy, bar['disc'].params)
  params['logits']['bias'] = params['logits']['bias'] - 10.
  return state.replace(extra={**state.extra, 'stars': {
      **bar, 'disc': bar['disc'].replace(params=params)}})


def test_what_dbar_is_sure_of_gives_no_gradient(made, played):
  state = saturated(played['alpha'][0])
  _, found, _ = arch_step(made()[0], state, images(3), jax.random.key(7))
  assert all(np.all(x == 0.) for x in jax.tree.leaves(found))


def test_gbars_term_counts_only_where_it_shares_the_architecture(made, played):
  state, rng = saturated(played['alpha'][0]), jax.random.key(7)
  method = made()[0]
  star = state.extra['stars']['gen']
  want = jax.grad(lambda logits: value(method, rng, lambda fakes, judged: (
      jnp.mean(jax.nn.relu(1. + judged(state.disc, fakes(star, logits)))))))(
          state.gen.stats['arch'])
  _, found, _ = arch_step(method, state, images(3), rng, shares=True)
  for part in want:
    assert np.abs(want[part]).max() > 1e-4
    np.testing.assert_allclose(found[part], want[part], atol=1e-6)


# What moves.

@pytest.mark.parametrize('turn, may', [
    ('critic', ['disc/params', 'disc/opt', 'disc/stats/spectral',
                'gen/stats/batch_stats']),
    ('both', ['disc/params', 'disc/opt', 'disc/stats/spectral',
              'gen/stats/batch_stats', 'gen/params', 'gen/opt', 'ema/params',
              'ema/stats/batch_stats']),
    ('stars', ['extra/stars/gen', 'extra/stars/disc']),
    ('dbar', ['extra/stars/disc/params', 'extra/stars/disc/opt',
              'extra/stars/disc/stats/spectral']),
    ('gbar', ['extra/stars/gen/params', 'extra/stars/gen/opt',
              'extra/stars/gen/stats/batch_stats']),
    ('alpha', ['gen/stats/arch', 'gen/stats/batch_stats', 'ema/stats/arch',
               'extra/arch/gen']),
    ('gap', [])])
def test_a_turn_moves_its_own_bits_alone(played, turn, may):
  before, after, metrics = played[turn]
  names = moved(before, after)
  for part in may:
    assert any(name.startswith(part) for name in names), part
  strange = {name for name in names - {'step'} if not name.startswith((
      *may, 'extra/seen'))}
  assert not strange
  assert int(after.step) == int(before.step) + 1
  assert metrics.keys() == played['critic'][2].keys()


def test_best_responses_start_as_whole_copies_with_fresh_optimizers(
    made, played):
  _, state, _ = played['stars']
  game = game_of(made()[0])
  for player, tx in zip(('gen', 'disc'), game.tx):
    own, star = getattr(state, player), state.extra['stars'][player]
    assert equal(star.params, own.params) and equal(star.stats, own.stats)
    assert equal(star.opt, tx.init(own.params)) and not equal(star.opt, own.opt)
  assert 'spectral' in state.extra['stars']['disc'].stats


def test_what_is_scored_has_the_logits_that_are_derived_from(played):
  for _, after, _ in played.values():
    assert equal(after.ema.stats['arch'], after.gen.stats['arch'])
    assert equal(after.ema.stats['schedule'], after.gen.stats['schedule'])


# Runs.

def test_nothing_compiles_in_the_second_outer_iteration(unbroken):
  assert sorted(unbroken[2]) == sorted(TURNS)


@pytest.mark.parametrize('last', [2, 9])
def test_a_search_stopped_between_turns_goes_on_bit_for_bit(
    last, unbroken, searching, tmp_path, interrupted):
  """In the weights' part, and between two steps of the architecture."""
  interrupted(searching(**AUGMENTED), tmp_path, step=last)
  assert equal(loop.run(searching(**AUGMENTED), tmp_path), unbroken[1])
  assert read(tmp_path) == read(unbroken[0])


@pytest.mark.long
def test_eight_devices_take_the_turns_of_one(unbroken, searching, tmp_path):
  end = OUTER.steps(1)
  state = loop.run(searching(**AUGMENTED, devices=8, steps=end), tmp_path)
  saved = checkpoint.Checkpoints(unbroken[0] / 'checkpoints', read_only=True)
  alone = saved.choose(jax.eval_shape(lambda: unbroken[1]), step=end)
  saved.close()
  # Absolute, because Adam moves logits whose gradient is all rounding, too.
  assert_same_but_rounding(state, alone, absolute=1e-4)
  assert_replicated(state)


# Variants.

@pytest.mark.parametrize('gbar, parts', [
    ('weights', {'params', 'opt', 'batch_stats'}), ('arch', {'arch'}),
    ('both', {'params', 'opt', 'batch_stats', 'arch'})])
def test_gbar_is_obtained_by_what_the_config_says(gbar, parts, made, played):
  _, turns, _ = made(**{'method.gbar': gbar})
  state = played['gbar'][0]
  after, metrics = turns['gbar'](state, {'image': np.zeros((0, 8, 8, 8, 1))},
                                 jax.random.key(5))
  names = moved(state.extra['stars']['gen'], after.extra['stars']['gen'])
  assert {name.removeprefix('stats/').split('/')[0] for name in names} == parts
  # Its own optimizer moves its logits; G's stay.
  assert equal(state.gen, after.gen)
  assert equal(state.extra['arch']['gen'], after.extra['arch']['gen'])
  assert equal(state.extra['arch']['star'], after.extra['arch']['star']) == (
      'arch' not in parts)
  assert np.isfinite(metrics['gbar/loss']) and metrics['gbar/loss'] != 0.


def test_gbars_logits_fall_along_minus_ds_opinion(made, played):
  """Adam's first step of lr .01: by the sign of gradient and decay."""
  method, turns, _ = made(**{'method.gbar': 'arch'})
  state, rng = played['gbar'][0], jax.random.key(5)
  models, star = game_of(method).models, state.extra['stars']['gen']
  z = jax.random.normal(jax.random.split(rng, 5)[3], (8, models.gen.latent))

  def objective(logits):
    x, _ = models.gen.apply({'params': star.params, **star.stats,
                             'arch': logits}, z, True, mutable=['batch_stats'])
    return -models.disc.apply({'params': state.disc.params,
                               **state.disc.stats}, x, True,
                              mutable=['spectral'])[0].mean()
  logits = star.stats['arch']
  slope = jax.tree.map(lambda g, a: g + 1e-3 * a, jax.grad(objective)(logits),
                       logits)
  after, _ = turns['gbar'](state, {'image': np.zeros((0, 8, 8, 8, 1))}, rng)
  for part, new in after.extra['stars']['gen'].stats['arch'].items():
    clear = np.abs(slope[part]) > 1e-5
    assert clear.sum() > 5
    np.testing.assert_allclose((new - logits[part])[clear],
                               -.01 * np.sign(slope[part])[clear], rtol=.01)


def test_without_gbar_nothing_answers_d(made):
  method, _, _ = made(**{'method.gbar': 'none'})
  names = [method.plan(s).name for s in range(18)]
  assert names[:9] == ['critic', 'both', 'critic', 'stars', 'dbar', 'dbar',
                       'alpha', 'alpha', 'gap']
  assert names[9:] == ['both', 'critic', 'both', *names[3:9]]


def test_a_searched_d_falls_along_its_own_loss_on_gbar(made):
  """1.12: of V only h(Gbar, D) depends on D's architecture."""
  method, _, state = made(**{'discriminator.name': 'adversarial_nas_super',
                             'discriminator.relax': 'softmax'})
  # A Gbar that is not G.
  net = state.extra['stars']['gen']
  state = state.replace(extra={**state.extra, 'stars': {
      **state.extra['stars'],
      'gen': net.replace(params=jax.tree.map(lambda x: 1.5 * x, net.params))}})
  rng, batch = jax.random.key(7), images(3)
  real = batch['image'][0] / 127.5 - 1.
  star = state.extra['stars']['gen']
  want = jax.grad(lambda logits: value(method, rng, lambda fakes, judged: (
      hinge.discriminator(
          judged(state.disc, real, arch=logits),
          judged(state.disc, fakes(star, star.stats['arch']), arch=logits)))))(
              state.disc.stats['arch'])
  after, of_gen, found = arch_step(method, state, batch, rng)
  for part in want:
    assert np.abs(want[part]).max() > 1e-4
    np.testing.assert_allclose(found[part], want[part], atol=1e-6)
  assert all(np.abs(x).max() > 0. for x in of_gen.values())
  assert {'/'.join(name.split('/')[:2])
          for name in moved(state.disc, after.disc)} == {'stats/arch'}
  batch = {'image': jnp.zeros((1, 8, 8, 8, 1))}
  _, metrics = jax.eval_shape(method.step['gap'], state, batch, rng)
  assert 'arch/discriminator/entropy' in metrics
  found = method.search.derive(jax.device_get(after))
  assert {'generator', 'discriminator'} <= found.keys()


@pytest.mark.parametrize('noisy', [False, True])
def test_gumbel_is_for_g_and_on_request_for_gbar(noisy, searching, made):
  """1.12: best responses have the softmax of the logits, at no temperature."""
  method = build.method(searching(**{'generator.relax': 'gumbel',
                                     'method.star_noise': noisy}))
  game, state = game_of(method), made()[2]
  assert state.gen.stats['schedule']['temperature'] == .5
  z = jnp.ones((2, method.latent))
  images = lambda model, seed: model.apply(
      {'params': state.gen.params, **state.gen.stats}, z, False,
      rngs={'noise': jax.random.key(seed)})
  assert not np.array_equal(images(game.models.gen, 0),
                            images(game.models.gen, 1))
  assert np.array_equal(images(game.stars.gen, 0),
                        images(game.stars.gen, 1)) == (not noisy)
  logits = jnp.array([0., .5, 1.])
  softmax = np.allclose(game.stars.gen.relax(logits, jax.random.key(0), .5),
                        [.1863237, .3071959, .5064804], atol=1e-6)
  assert softmax == (not noisy)


def test_best_responses_learn_half_as_fast_after_the_halving(searching, made):
  method = build.method(searching(**{'method.star_halving': 30}))
  game, (_, turns, state) = game_of(method), made()
  assert game.halving == OUTER.steps(30)
  state, _ = turns['both'](state, images(0), jax.random.key(0))
  state = alpha_search.stars(game, state, None, None)[0]
  before = state.extra['stars']['disc'].params
  step = jax.jit(functools.partial(alpha_search.dbar, game))
  whole, half = (jax.tree.map(
      jnp.subtract,
      step(state.replace(step=jnp.int32(s)), images(1), jax.random.key(1))[0]
      .extra['stars']['disc'].params, before)
      for s in (game.halving - 1, game.halving))
  for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(half)):
    np.testing.assert_allclose(b, a / 2, atol=1e-7)
  assert np.abs(whole['hidden']['kernel']).max() > 1e-5


@pytest.mark.parametrize('changes, words', [
    ({'method.gbar': 'weight'}, "gbar is 'weight': did you mean 'weights'"),
    ({'method.weight_steps': 0}, 'at least one weight step'),
    ({'method.held': 1.}, 'held=1.0'),
    ({'method.warmup': -1}, 'warmup=-1'),
    ({'method.temperature': 0.}, 'temperature is 0.0: above 0'),
    ({'method.gbar': 'both', 'method.gbar_shares_arch': True},
     'Gbar cannot update parameters that it shares'),
    ({'generator': {'name': 'dcgan'}}, "config.generator.name is 'dcgan'")])
def test_what_cannot_be_is_refused(searching, changes, words):
  c = searching()
  if 'generator' in changes:
    c.generator = changes.pop('generator')
  c.update_from_flattened_dict(changes)
  with pytest.raises(UserError, match=words):
    build.method(c)


# Work.

def macs(function, *arguments):
  """Multiply-accumulates of what the results need, matrix products alone."""
  jaxpr = jax.make_jaxpr(function)(*arguments).jaxpr
  jaxpr, _ = partial_eval.dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))
  return _macs(jaxpr)


def _macs(jaxpr):
  total = 0
  for eqn in jaxpr.eqns:
    if eqn.primitive.name == 'dot_general':
      (contract, _), _ = eqn.params['dimension_numbers']
      total += math.prod(eqn.outvars[0].aval.shape) * math.prod(
          eqn.invars[0].aval.shape[i] for i in contract)
    for inner in eqn.params.values():
      inner = getattr(inner, 'jaxpr', inner)
      if hasattr(inner, 'eqns'):
        total += _macs(inner)
  return total


def test_no_turn_makes_a_pass_that_its_result_does_not_need(made):
  """Against the bare passes: of G, and of D on reals, fakes or neither."""
  method, _, state = made()
  game, images = game_of(method), jnp.ones((8, 8, 8, 1))
  z = jnp.ones((8, game.models.gen.latent))

  def fakes(params, arch):
    return game.models.gen.apply(
        {'params': params, **state.gen.stats, 'arch': arch}, z, True,
        mutable=['batch_stats'])

  def judged(params, *several):
    return sum(game.models.disc.apply(
        {'params': params, **state.disc.stats}, x, True,
        mutable=['spectral'])[0].sum() for x in several)

  gen, arch, disc = (state.gen.params, state.gen.stats['arch'],
                     state.disc.params)
  forward = macs(fakes, gen, arch)
  opinion = macs(judged, disc, images)
  of_disc = macs(jax.value_and_grad(judged), disc, images, images)
  through = lambda params, arch: judged(disc, fakes(params, arch)[0])
  of_gen = macs(jax.value_and_grad(through), gen, arch)
  of_arch = macs(jax.value_and_grad(through, 1), gen, arch)
  want = {'critic': forward + of_disc, 'both': forward + of_disc + of_gen,
          'stars': 0, 'dbar': forward + of_disc, 'gbar': of_gen,
          'alpha': of_arch, 'gap': 2 * forward + 4 * opinion}
  batch = {'image': jnp.zeros((1, 8, 8, 8, 1))}
  found = {name: macs(step, state, batch, jax.random.key(0))
           for name, step in method.step.items()}
  assert found == want
