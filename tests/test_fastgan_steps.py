"""FastGAN in training: what a step makes of pairs, decoders and statistics."""
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import augmenting, build, steps
from jgan import config as configs
from jgan.errors import UserError
from jgan.types import GanState
from tests.rounding import assert_same_but_rounding

KEY = jax.random.key(3)
B = 8


def config(**changes):
  c = configs.base()
  c.batch = B
  c.data = {'name': 'mixture', 'render': 'images', 'size': 64}
  c.generator = {'name': 'fastgan', 'latent': 8, 'width': 2, 'side': True}
  c.discriminator = {'name': 'fastgan', 'width': 2, 'patches': True,
                     'decode': True}
  c.loss = {'name': 'hinge_random_margin'}
  c.penalties = ({'name': 'reconstruction', 'reduction': 'sum'},)
  c.augment = ({'name': 'diffaugment', 'policy': ('color', 'translation')},)
  for player in ('gen', 'disc'):
    c.optimizer[player].update({'b1': .5, 'b2': .999})
  c.ema.update({'decay': .9, 'stats': True})
  c.update_from_flattened_dict(changes)
  return configs.complete(c)


def begun(c):
  """A state of random numbers: to compile gan_init would cost seconds."""
  method = build.method(c)
  shapes = build.abstract(c, method)
  rng = np.random.default_rng(0)

  def fill(path, x):
    if x.dtype != np.float32:
      return np.zeros(x.shape, x.dtype)
    positive = {'var', 'scale'} & {getattr(k, 'key', '') for k in path}
    return np.float32(rng.normal(0, .3, x.shape) if not positive else
                      rng.uniform(.5, 1.5, x.shape))

  return method, jax.tree_util.tree_map_with_path(fill, shapes.replace(
      gen=shapes.gen.replace(opt=()), disc=shapes.disc.replace(opt=())))


def parts(c, axis_name=None):
  return dict(models=build.models(c, (64, 64, 1), axis_name=axis_name),
              loss=build.loss(c), penalties=build.penalties(c),
              augment=build.augment(c, axis_name), axis_name=axis_name)


def numbers(*shape, seed=1):
  x = np.random.default_rng(seed).uniform(-1, 1, shape)
  return x.astype(np.float32)


@pytest.fixture(scope='module')
def stepped():
  """State before and after a step, its metrics."""
  c = config()
  method, state = begun(c)
  tx = build.optimizers(c)
  state = state.replace(
      gen=state.gen.replace(opt=tx.gen.init(state.gen.params)),
      disc=state.disc.replace(opt=tx.disc.init(state.disc.params)))
  batch = {'image': (255 * abs(numbers(1, B, 64, 64, 1))).astype(np.uint8)}
  return state, *jax.device_get(jax.jit(method.step)(state, batch, KEY))


def moved(before, after):
  """Top-level modules in which every array changed, and in which any did."""
  alike = {name: jax.tree.leaves(jax.tree.map(
      lambda a, b: not np.array_equal(a, b), before[name], after[name]))
      for name in before}
  return ({k for k, v in alike.items() if all(v)},
          {k for k, v in alike.items() if any(v)})


def test_a_step_is_finite_and_says_what_the_decoders_cost(stepped):
  _, after, metrics = stepped
  assert all(np.isfinite(x).all() for x in jax.tree.leaves((after, metrics)))
  # Three pairs of at most 2, summed over the batch.
  assert 0. < metrics['disc/reconstruction'] < 3 * 2 * B
  assert {'disc/loss', 'gen/loss', 'disc/real', 'disc/fake'} <= set(metrics)


def test_every_part_of_both_networks_learns(stepped):
  before, after, _ = stepped
  for old, new in ((before.gen, after.gen), (before.disc, after.disc)):
    assert moved(old.params, new.params)[0] == set(old.params)


def test_the_average_has_averaged_statistics(stepped):
  before, after, _ = stepped
  jax.tree.map(lambda old, new, mean: np.testing.assert_allclose(
      mean, .9 * old + .1 * new, rtol=1e-5, atol=1e-6),
      before.ema.stats['batch_stats'], after.gen.stats['batch_stats'],
      after.ema.stats['batch_stats'])


def test_decoders_see_real_images_once_and_the_rest_of_d_three_images(stepped):
  """Their statistics move once in a step, by a tenth of the way."""
  before, after, _ = stepped
  old, new = (s.disc.stats['batch_stats'] for s in (before, after))
  names = {k for k in old if k.startswith('decoder')}
  assert names == {'decoder_image', 'decoder_part', 'decoder_side'}
  assert moved(old, new)[0] == set(old)


def spied(c, player):
  """(shapes that D is given, whether it decodes) in a loss, in order."""
  _, state = begun(c)
  game, seen = parts(c), []

  class Spy:
    def apply(self, variables, image, *rest, mutable=(), **keywords):
      seen.append((jax.tree.map(lambda x: x.shape, image),
                   'decoded' in mutable))
      return game['models'].disc.apply(variables, image, *rest,
                                       mutable=mutable, **keywords)

  models = game['models']._replace(disc=Spy())
  loss = getattr(steps, f'{player}_loss')
  jax.eval_shape(lambda: loss(
      getattr(state, player).params, state, numbers(B, 64, 64, 1),
      numbers(B, 8), KEY, **{**game, 'models': models}))
  return seen


def test_d_takes_pairs_of_fakes_and_decodes_reals_in_its_own_update():
  pair = (B, 64, 64, 1), (B, 32, 32, 1)
  assert spied(config(), 'disc') == [((B, 64, 64, 1), True), (pair, False)]
  assert spied(config(), 'gen') == [(pair, False)]


def test_images_and_smaller_images_are_distorted_by_their_own_draws():
  augment = parts(config())['augment']
  images = jnp.ones((B, 16, 16, 1))
  state = GanState(0, *[None] * 3)
  one, two = augmenting.distort(KEY, (images, images), augment, state)
  assert (one != two).any()
  again, _ = augmenting.distort(KEY, (images, images), augment, state)
  np.testing.assert_array_equal(one, again)


def test_a_discriminator_without_decoders_is_refused():
  c = config(**{'discriminator.decode': False})
  with pytest.raises(UserError, match='rebuilds nothing'):
    spied(c, 'disc')


@pytest.mark.long
def test_two_devices_judge_as_one():
  """Noise, norms, distortions, the quarter, margins: of the whole batch."""
  c = config()
  _, state = begun(c)
  real, z = numbers(B, 64, 64, 1), numbers(B, 8, seed=2)

  def loss(state, real, z, axis_name):
    value, (_, stats, metrics) = steps.disc_loss(
        state.disc.params, state, real, z, KEY, **parts(c, axis_name))
    return value, stats['batch_stats'], metrics

  whole = jax.jit(functools.partial(loss, axis_name=None))(state, real, z)
  split = lambda x: x.reshape(2, B // 2, *x.shape[1:])
  shards = jax.jit(jax.vmap(
      functools.partial(loss, axis_name='device'), (None, 0, 0),
      axis_name='device'))(state, split(real), split(z))
  assert_same_but_rounding(jax.tree.map(lambda x: x.mean(0), shards), whole)
