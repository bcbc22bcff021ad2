"""GAN-SDP: goldens of the spec, an oracle in numpy, shards, all models."""
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import build, forward, lookup, steps
from jgan import config as configs
from jgan.errors import UserError
from jgan.penalties import sample_differences as sdp
from jgan.types import Play, View
from tests.models import test_model_contracts as contracts

KEY = jax.random.key(0)
PENALTY = {'disc': sdp.discriminator, 'gen': sdp.generator}
always = functools.partial(dict, start=0, weight=1.)


def play(real, fake, step=0, axis_name=None):
  return Play(real, fake, None, None, None, KEY, jnp.int32(step), axis_name)


def view(image, logits, *features):
  return View(jnp.float32(image), jnp.float32(logits),
              tuple(jnp.float32(f) for f in features))


def random_play(m=5, seed=0, step=0, outputs=()):
  rng = np.random.default_rng(seed)
  one = lambda: view(rng.normal(size=(m, 2, 2, 3)),
                     rng.normal(size=(m, *outputs)),
                     rng.normal(size=(m, 3, 1, 2)),
                     rng.normal(size=(m, 2, 2, 3)))
  return play(one(), one(), step)


def golden():
  """Section 3.9 of the spec: two of three fakes, one block of two channels.

  Its vectors of the fake that is not chosen, and of the real image that is
  nobody's nearest, are made up.
  """
  pixels = lambda *p: np.reshape(p, (3, 1, 1, 2))
  real = view(pixels((0, 0), (4, 0), (0, 3)), (1., .5, .7),
              pixels((0, 2), (0, 5), (7, 8)))
  fake = view(pixels((1, 0), (3, 1), (5, 5)), (.2, .9, -.3),
              pixels((1, 0), (3, 4), (9, 9)))
  return play(real, fake)


@pytest.mark.parametrize('norm, feature', [
    ('l2_squared', 1.266), ('l2', 2.4), ('none', 15.)])
@pytest.mark.parametrize('player', PENALTY)
def test_the_golden_of_the_spec(player, norm, feature):
  penalty = functools.partial(PENALTY[player], golden(), k=2, start=0,
                              norm=norm)
  close = functools.partial(np.testing.assert_allclose, rtol=1e-6)
  close(penalty(), .01 / 2 * (.8 + feature))
  close(penalty(terms='score'), .004)
  close(penalty(terms='feature'), .005 * feature)
  close(penalty(reduction='sum'), .005 * (.8 + feature) / 3)


def test_k_grows_with_the_generator_steps():
  grown = jax.vmap(functools.partial(sdp.schedule, n=64))(
      jnp.array([0, 3000, 4999, 5000, 50000, 99999, 100000]))
  assert grown.tolist() == [5, 5, 5, 6, 15, 24, 25]
  assert sdp.schedule(10**6, 64) == 64
  assert sdp.schedule(10**6, 64, k_max=9) == 9
  assert sdp.schedule(10**6, 64, k_every=0) == 5
  assert sdp.schedule(5000, 64, k_share=.25) == 17
  assert sdp.schedule(0, 3) == 3 and sdp.schedule(0, 8, k_share=.01) == 1


def test_more_than_the_batch_is_the_batch():
  values = [sdp.discriminator(golden(), start=0, **k) for k in (
      {'k': 3}, {'k': 64}, {'k_share': 1.}, {'selection': 'all'})]
  np.testing.assert_allclose(values, 4 * [values[0]], rtol=1e-6)


def oracle(real, fake, k, *, norm='l2_squared', aggregate='max', terms='both',
           space='pixel', layers=(), reduction='mean', selected=None):
  """The same in float64 numpy, one pair after the other."""
  def vector(v, i):
    chosen = [v.features[j] for j in layers] if layers else v.features
    for block in chosen:
      flat = np.float64(block[i]).reshape(-1, block.shape[-1])
      f = flat.max(0) if aggregate == 'max' else flat.mean(0)
      yield f / {'l2_squared': f @ f + 1e-8,
                 'l2': np.sqrt(f @ f) + 1e-8, 'none': 1.}[norm]

  def point(v, i):
    return (np.float64(v.image[i]).ravel() if space == 'pixel' else
            np.concatenate([*vector(v, i)]))

  scores = np.float64(fake.logits).reshape(len(fake.logits), -1)
  if selected is None:
    selected = np.argsort(-scores.sum(1), kind='stable')[:k]
  total = 0.
  for i in selected:
    away = [np.sum((point(fake, i) - point(real, j))**2)
            for j in range(len(real.image))]
    j = int(np.argmin(away))
    if terms != 'feature':
      total += np.sum((scores[i] - np.float64(real.logits[j]))**2)
    if terms != 'score':
      total += sum(np.sum((a - b)**2)
                   for a, b in zip(vector(fake, i), vector(real, j)))
  return total / k / (len(scores) if reduction == 'sum' else 1)


@pytest.mark.parametrize('knobs', [
    {}, {'norm': 'l2'}, {'norm': 'none', 'aggregate': 'mean'},
    {'terms': 'score'}, {'terms': 'feature', 'layers': (1,)},
    {'layers': (1, 0), 'space': 'feature'},
    {'terms': 'score', 'space': 'feature', 'norm': 'none'},
    {'reduction': 'sum'}, {'outputs': (3,)}], ids=str)
@pytest.mark.parametrize('k', [1, 3])
def test_every_choice_is_what_numpy_makes_of_it(k, knobs):
  knobs = dict(knobs)
  game = random_play(6, outputs=knobs.pop('outputs', ()))
  want = oracle(game.real, game.fake, k, **knobs)
  for penalty in PENALTY.values():
    np.testing.assert_allclose(penalty(game, k=k, **always(**knobs)), want,
                               rtol=1e-4)


def test_random_ones_are_as_many_and_others_with_another_key():
  game = random_play(6)
  found = set()
  for seed in range(12):
    drawn = game._replace(rng=jax.random.key(seed))
    found.add(float(sdp.generator(
        drawn, k=1, selection='random', **always())))
  want = [oracle(game.real, game.fake, 1, selected=[i]) for i in range(6)]
  assert len(found) > 2
  assert all(np.isclose(want, v, rtol=1e-4).any() for v in found)


@functools.partial(jax.jit, static_argnums=(0, 3))
def slopes(player, real, fake, norm='l2_squared'):
  """Of the penalty, in all that D makes of real and fake images."""
  return jax.grad(lambda both: PENALTY[player](
      play(*both), **always(k=3, norm=norm)))((real, fake))


@pytest.mark.parametrize('norm', ['l2_squared', 'l2', 'none'])
def test_slopes_are_those_of_finite_differences_in_float64(norm):
  game = random_play(4)
  both = jax.tree.map(np.float64, (game.real, game.fake))
  found = {player: slopes(player, *game[:2], norm) for player in PENALTY}
  leaves, tree = jax.tree.flatten(both)
  step = 1e-6
  for where, leaf in enumerate(leaves):
    want = np.zeros_like(leaf)
    for at in np.ndindex(leaf.shape):
      sides = []
      for sign in (1, -1):
        moved = [*leaves]
        moved[where] = leaf.copy()
        moved[where][at] += sign * step
        sides.append(oracle(*tree.unflatten(moved), 3, norm=norm))
      want[at] = (sides[0] - sides[1]) / (2 * step)
    of_disc, of_gen = (jax.tree.leaves(found[p])[where] for p in PENALTY)
    np.testing.assert_allclose(of_disc, want, rtol=2e-3, atol=2e-3)
    is_real = where < len(leaves) // 2
    np.testing.assert_array_equal(of_gen, 0. * of_disc if is_real else of_disc)


def test_the_generator_moves_nothing_of_the_real_images_and_d_moves_both():
  of_real, of_fake = slopes('gen', *random_play()[:2])
  assert not any(x.any() for x in jax.tree.leaves(of_real))
  assert of_fake.logits.any() and of_fake.features[0].any()
  of_real, of_fake = slopes('disc', *random_play()[:2])
  assert of_real.logits.any() and of_real.features[1].any()
  assert not of_real.image.any() and not of_fake.image.any()


@pytest.mark.parametrize('norm', ['l2_squared', 'l2', 'none'])
@pytest.mark.parametrize('player', PENALTY)
def test_identical_images_are_no_difference_and_give_no_slope(player, norm):
  game = random_play()
  same = play(game.real, game.real)
  assert PENALTY[player](same, norm=norm, **always()) == 0.
  assert not any(x.any() for x in jax.tree.leaves(
      slopes(player, *same[:2], norm)))


def test_the_order_of_the_batch_does_not_matter():
  game = random_play(8)
  rng = np.random.default_rng(1)

  def shuffle(seen):
    order = rng.permutation(8)
    return jax.tree.map(lambda x: x[order], seen)

  for penalty in PENALTY.values():
    np.testing.assert_allclose(
        penalty(play(shuffle(game.real), shuffle(game.fake)), **always()),
        penalty(game, **always()), rtol=1e-5)


def test_of_equal_scores_the_first_count():
  scores = jnp.array([1., 3., 1., 3., 1.])
  chosen = [np.flatnonzero(sdp.highest(scores, k)).tolist()
            for k in range(1, 6)]
  assert chosen == [[1], [1, 3], [0, 1, 3], [0, 1, 2, 3], [0, 1, 2, 3, 4]]


@pytest.mark.parametrize('shape', [(1, 1), (3, 3), (4, 2)])
def test_the_largest_pixel_is_taken_and_it_alone_has_the_slope(shape):
  x = jnp.float32(np.random.default_rng(0).normal(size=(2, *shape, 3)))
  np.testing.assert_array_equal(sdp.largest(x), x.max((1, 2)))
  slope_at = jax.jit(jax.grad(lambda x: sdp.largest(x).sum()))
  slope = slope_at(x)
  np.testing.assert_array_equal(slope, x == x.max((1, 2), keepdims=True))
  slope = slope_at(jnp.zeros_like(x))  # of equals the first
  want = np.zeros(x.shape)
  want[:, 0, 0] = 1.
  np.testing.assert_array_equal(slope, want)


@pytest.mark.parametrize('norm', ['l2_squared', 'l2', 'none'])
def test_blocks_that_found_nothing_have_finite_slopes(norm):
  game = random_play()
  silent = jax.tree.map(jnp.zeros_like, game.real.features)
  for fake in (silent, game.fake.features):
    for player in PENALTY:
      assert all(np.isfinite(x).all() for x in jax.tree.leaves(slopes(
          player, game.real._replace(features=silent),
          game.fake._replace(features=fake), norm)))


def test_a_block_of_two_maps_is_one_vector_of_both():
  game = random_play()
  joint = lambda v: v._replace(features=(v.features,))
  by_hand = lambda v: v._replace(features=(jnp.concatenate(
      [x.max((1, 2), keepdims=True) for x in v.features], -1),))
  found = [sdp.discriminator(play(f(game.real), f(game.fake)), **always())
           for f in (joint, by_hand)]
  np.testing.assert_allclose(*found, rtol=1e-6)


def test_half_precision_blocks_are_compared_in_float32():
  game = random_play()
  half = lambda v, dtype: v._replace(features=tuple(
      x.astype(jnp.bfloat16).astype(dtype) for x in v.features))
  found = [sdp.discriminator(play(half(game.real, d), half(game.fake, d)),
                             **always()) for d in (jnp.bfloat16, jnp.float32)]
  assert found[0].dtype == jnp.float32
  np.testing.assert_allclose(*found, rtol=2e-7)  # one unit in the last place


@pytest.fixture(scope='module')
def one_program():
  game = random_play(8)
  return game, jax.jit(lambda step: sdp.discriminator(
      game._replace(step=step), k=2, k_every=10, start=15, weight=1.))


@pytest.mark.parametrize('step, k', [(0, 0), (14, 0), (15, 3), (19, 3), (20, 4),
                                     (49, 6), (70, 8), (999, 8)])
def test_one_program_serves_every_k(one_program, step, k):
  game, penalty = one_program
  want = oracle(game.real, game.fake, k) if k else 0.
  np.testing.assert_allclose(penalty(step), want, rtol=1e-4)
  assert penalty._cache_size() == 1


def critic(params, x):
  """A View through two small blocks: [b, 2, 2, 3] images."""
  one = jnp.tanh(x @ params['one'])
  two = jnp.sin(one @ params['two'])
  return View(x, two.sum((1, 2, 3)), (one, two))


def graded(player, params, images, axis_name=None):
  """The penalty of one shard's images, and its slope in D or in G's images."""
  def value(params, fake):
    return PENALTY[player](
        play(critic(params, images['real']), critic(params, fake),
             axis_name=axis_name), **always(k=3, selection='top'))
  at = 0 if player == 'disc' else 1
  return jax.value_and_grad(value, at)(params, images['fake'])


@pytest.mark.parametrize('player', PENALTY)
def test_eight_devices_find_the_pairs_and_the_slope_of_one(player):
  rng = np.random.default_rng(2)
  draw = lambda *shape: jnp.float32(rng.normal(size=shape))
  params = {'one': draw(3, 4), 'two': draw(4, 2)}
  images = {'real': draw(16, 2, 2, 3), 'fake': draw(16, 2, 2, 3)}
  value, slope = jax.jit(functools.partial(graded, player))(params, images)
  split = jax.tree.map(lambda x: x.reshape(8, 2, *x.shape[1:]), images)
  values, shards = jax.pmap(
      functools.partial(graded, player, axis_name='d'), axis_name='d',
      in_axes=(None, 0))(params, split)
  np.testing.assert_allclose(values, np.full(8, value), rtol=1e-5)
  # steps.descend averages over devices; images are each a device's own.
  whole = (jax.tree.map(lambda x: x.mean(0), shards) if player == 'disc'
           else shards.reshape(slope.shape) / 8.)
  jax.tree.map(lambda a, b: np.testing.assert_allclose(
      a, b, rtol=1e-4, atol=1e-6), whole, slope)


@pytest.fixture(scope='module')
def small_game():
  """Losses with and without the penalty on points, and all they need."""
  c = configs.base()
  c.data = {'name': 'mixture'}
  c.generator = {'name': 'mlp', 'latent': 2, 'width': 4, 'depth': 1}
  c.discriminator = {'name': 'mlp', 'width': 4, 'depth': 1}
  c.penalties = ({'name': 'sample_differences', 'start': 7, 'k': 2},)
  c = configs.complete(c)
  models, tx = build.models(c, (1, 1, 2)), build.optimizers(c)
  rng = np.random.default_rng(3)
  real = jnp.float32(rng.normal(size=(6, 1, 1, 2)))
  z = jnp.float32(rng.normal(size=(6, 2)))
  state = jax.tree.map(
      lambda x: jnp.asarray(rng.normal(size=x.shape), x.dtype),
      jax.eval_shape(functools.partial(steps.gan_init, models=models, tx=tx),
                     KEY, {'image': real[None]}))

  def losses(penalties):
    def both(step):
      now = state.replace(step=step)
      parts = dict(models=models, loss=build.loss(c), penalties=penalties)
      return {name: jax.value_and_grad(
          lambda p, f=f: f(p, now, real, z, KEY, **parts)[0])(net.params)
              for name, f, net in (('disc', steps.disc_loss, state.disc),
                                   ('gen', steps.gen_loss, state.gen))}
    return jax.jit(both)
  return losses({}), losses(build.penalties(c))


def test_before_the_start_losses_are_the_base_ones_to_the_bit(small_game):
  """And slopes but for how a compiler rounds what it fuses."""
  plain, penalised = small_game
  base, before, after = plain(6), penalised(6), penalised(7)
  for player in PENALTY:
    assert before[player][0] == base[player][0] < after[player][0]
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5,
                                   atol=1e-6),
                 before[player][1], base[player][1])


def test_a_player_that_is_left_out_pays_nothing():
  game = random_play()
  for players in PENALTY:
    for player, penalty in PENALTY.items():
      value = penalty(game, **always(players=players))
      assert (value > 0.) == (player == players)


def test_the_pairs_may_be_those_of_the_discriminators_update():
  """Algorithm 1: chosen and paired once, by D before its update."""
  now, then = random_play(), random_play(seed=1)
  game = now._replace(before=lambda: (then.real, then.fake))
  knobs = always(k=2, terms='score')
  value = sdp.generator(game, **knobs, reselect=False)
  chosen = np.argsort(-np.asarray(then.fake.logits))[:2]
  flat = lambda view: np.asarray(view.image).reshape(5, -1)
  distance = ((flat(then.fake)[:, None] - flat(then.real))**2).sum(-1)
  pairs = distance.argmin(1)[chosen]
  want = np.mean((np.asarray(now.fake.logits)[chosen]
                  - np.asarray(now.real.logits)[pairs])**2)
  np.testing.assert_allclose(value, want, rtol=1e-5)
  assert value != sdp.generator(game, **knobs)
  # D's own update pairs what it sees.
  assert sdp.discriminator(now, **knobs, reselect=False) == (
      sdp.discriminator(now, **knobs))


def test_pairs_of_other_fakes_are_refused():
  with pytest.raises(UserError, match="config.gen_noise='shared'"):
    sdp.generator(random_play(), **always(reselect=False))


@pytest.mark.parametrize('name, size, blocks', [
    ('cnn', 32, 3), ('cnn', 64, 4), ('sn_cnn', 32, 7), ('sngan', 32, 4),
    ('sngan', 64, 5), ('autogan', 32, 4)])
def test_discriminators_show_the_blocks_of_the_spec(name, size, blocks):
  model = lookup.find('models', name).Discriminator(size, 3, width=4)
  assert len(shown(model).features) == blocks


def shown(model):
  """The View of two images by a discriminator, as shapes."""
  variables = contracts.shapes(model)
  params = variables.pop('params')
  return jax.eval_shape(
      lambda p, stats, x: forward.judge(model, p, stats, x, KEY)[0],
      params, variables, contracts.inputs(model))


@pytest.mark.parametrize('name', lookup.names('models'))
def test_every_discriminator_can_be_penalised(name):
  model, _ = contracts.build(name, 'Discriminator')
  seen = shown(model)
  for player in PENALTY:
    of_real, _ = jax.eval_shape(functools.partial(slopes, player), seen, seen)
    assert jax.tree.map(jnp.shape, of_real) == jax.tree.map(jnp.shape, seen)


@pytest.mark.parametrize('knobs, words', [
    ({'players': 'disk'}, "no players 'disk': did you mean 'disc'"),
    ({'terms': 'scores'}, "no terms 'scores': did you mean 'score'"),
    ({'selection': 'tops'}, "no selection 'tops': did you mean 'top'"),
    ({'space': 'pixels'}, "no space 'pixels': did you mean 'pixel'"),
    ({'reduction': 'avg'}, "no reduction 'avg': known: mean, sum"),
    ({'norm': 'l1'}, "no norm 'l1': did you mean"),
    ({'aggregate': 'min'}, "no aggregate 'min'"),
    ({'k': 0}, 'k=0, .*k >= 1'), ({'k_share': 1.5}, r'k_share=1.5; .*\[0, 1\]'),
    ({'k_max': -1}, 'k_max=-1'), ({'k_every': -1}, 'k_every=-1'),
    ({'layers': (0, 2)}, r'block 2 of layers=\(0, 2\), and the discriminator '
     'shows 2 blocks; 0 to 1'),
    ({'layers': (-1,)}, 'block -1')])
def test_a_mistake_is_refused_with_what_would_be_right(knobs, words):
  with pytest.raises(UserError, match=words):
    sdp.discriminator(random_play(), **knobs)


def test_a_critic_without_blocks_has_scores_alone():
  bare = play(*(v._replace(features=()) for v in random_play()[:2]))
  with pytest.raises(UserError, match="0 blocks; terms='score' would"):
    sdp.discriminator(bare)
  assert sdp.discriminator(bare, **always(terms='score')) > 0.
