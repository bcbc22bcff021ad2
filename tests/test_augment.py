"""Augmentations inside a step: who sees what, and what is remembered."""
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import build, forward, steps
from jgan import config as configs
from jgan.errors import UserError
from jgan.run import loop

KEY = jax.random.key(3)


def setup(*augment, critics=1, **changes):
  """The parts of a small game, its state, real images and noise."""
  c = configs.base()
  c.batch, c.critics = 8, critics
  c.data = {'name': 'digits', 'size': 16}
  c.generator = {'name': 'dcgan', 'latent': 8, 'width': 4}
  c.discriminator = {'name': 'dcgan', 'width': 4, 'norm': 'none'}
  c.loss = {'name': 'hinge'}
  c.augment = augment
  c.update_from_flattened_dict(changes)
  c = configs.complete(c)
  models = build.models(c, (16, 16, 1))
  parts = dict(models=models, loss=build.loss(c),
               penalties=build.penalties(c), augment=build.augment(c))
  tx = build.optimizers(c)
  rng = np.random.default_rng(0)
  real = jnp.float32(rng.uniform(-1, 1, (8, 16, 16, 1)))
  z = jnp.float32(rng.normal(size=(8, 8)))
  state = jax.jit(functools.partial(steps.gan_init, models=models, tx=tx,
                                    extra=build.extra(c)))(
      KEY, {'image': real[None]})
  return c, parts, tx, state, real, z


def spied(parts, real, z, state, player='disc'):
  """The images that the discriminator sees in a loss, in order."""
  seen = []

  class Spy:
    def apply(self, variables, image, *rest, **keywords):
      seen.append(image)
      return parts['models'].disc.apply(variables, image, *rest, **keywords)

  game = {**parts, 'models': parts['models']._replace(disc=Spy())}
  loss = getattr(steps, f'{player}_loss')
  loss(getattr(state, player).params, state, real, z, KEY, **game)
  return seen


def test_real_and_fake_are_distorted_alike_but_by_other_draws():
  _, parts, _, state, real, z = setup({'name': 'diffaugment',
                                       'policy': ('cutout',)})
  _, plain, _, _, _, _ = setup()
  for x, y in zip(spied(parts, real, z, state), spied(plain, real, z, state)):
    hidden = np.asarray(x == 0.)
    assert .05 < hidden.mean() < .3
    np.testing.assert_array_equal(np.where(hidden, y, x), y)
  masks = [np.asarray(x == 0.) for x in spied(parts, real, z, state)]
  assert (masks[0] != masks[1]).any()


def test_the_generator_learns_through_the_distortion():
  """Its gradient is that of the loss of distorted images, by hand."""
  _, parts, _, state, real, z = setup({'name': 'diffaugment',
                                       'policy': ('translation',)})
  loss = lambda p: steps.gen_loss(p, state, real, z, KEY, **parts)[0]
  models = parts['models']
  keys = jax.random.split(KEY, 4)
  distort = jax.random.split(jax.random.fold_in(keys[3], 1), 3)[1]

  def by_hand(p):
    fake, _ = forward.generate(models.gen, p, state.gen.stats, z, keys[0])
    each, = parts['augment'].values()
    fake = each.apply(jax.random.fold_in(distort, 0), fake, {})
    return -models.disc.apply({'params': state.disc.params}, fake, True).mean()

  got, want = jax.jit(jax.value_and_grad(loss))(state.gen.params), jax.jit(
      jax.value_and_grad(by_hand))(state.gen.params)
  jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-4,
                                 atol=1e-6), got, want)


def test_without_augmentation_nothing_changes():
  _, parts, _, state, real, z = setup()
  bare = {**parts, 'augment': None}
  a, b = (steps.disc_loss(state.disc.params, state, real, z, KEY, **p)
          for p in (parts, bare))
  assert jax.tree.all(jax.tree.map(np.array_equal, a, b))
  assert 'signs' not in a[1][2]


def test_r1_through_the_distortion_is_at_the_plain_images():
  """A distortion that hides a part leaves no slope there."""
  values = {}
  for plain in (False, True):
    _, parts, _, state, real, z = setup(
        {'name': 'diffaugment', 'policy': ('cutout',)},
        penalties=({'name': 'r1', 'gamma': 2., 'plain': plain},))
    metrics = steps.disc_loss(state.disc.params, state, real, z, KEY,
                              **parts)[1][2]
    values[plain] = float(metrics['r1'])
  # D is the same and so is the point, but hidden pixels have no slope.
  assert 0. < values[True] < values[False]


def test_apa_shows_the_last_fakes_where_reals_should_be():
  _, parts, tx, state, real, z = setup({'name': 'adaptive_pseudo'})
  state, _ = jax.jit(functools.partial(steps.gen_update, tx=tx, **parts))(
      state, real, z, KEY)
  made = state.extra['augment']['adaptive_pseudo']['fakes']
  assert made.shape == real.shape and float(jnp.abs(made).max()) > 0.
  held = {**state.extra['augment']['adaptive_pseudo'], 'p': jnp.float32(1.)}
  certain = state.replace(extra={'augment': {'adaptive_pseudo': held}})
  np.testing.assert_array_equal(spied(parts, real, z, certain)[0], made)
  np.testing.assert_array_equal(spied(parts, real, z, state)[0], real)


def test_p_follows_the_signs_of_the_discriminators_updates():
  """Eight reals an update, four updates, one thousand images from 0 to 1."""
  _, parts, tx, state, real, z = setup(
      {'name': 'ada', 'kimg': 1., 'target': 0., 'p': .5})
  update = jax.jit(functools.partial(steps.disc_update, tx=tx, **parts))
  found, signs = [], []
  for i in range(8):
    state, metrics = update(state, real, z, jax.random.fold_in(KEY, i))
    found.append(float(metrics['ada/p']))
    signs.append(float(metrics['signs']))
  first = .5 + .032 * np.sign(sum(signs[:4]))
  second = first + .032 * np.sign(sum(signs[4:]))
  assert first != .5
  np.testing.assert_allclose(found, [.5] * 3 + [first] * 4 + [second],
                             rtol=1e-5)


def test_an_augmentation_named_twice_is_refused():
  with pytest.raises(UserError, match="config.augment has 'ada' twice"):
    setup({'name': 'ada'}, {'name': 'ada'})


def all_three(tiny, **changes):
  """A run with APA, ADA and DiffAugment; Adam would step by rounding noise."""
  c = tiny.copy_and_resolve_references()
  knobs = {'kimg': .1, 'every': 1, 'target': -.9}
  c.augment = ({'name': 'adaptive_pseudo', **knobs}, {'name': 'ada', **knobs},
               {'name': 'diffaugment'})
  for side in ('gen', 'disc'):
    c.optimizer[side] = {'name': 'sgd', 'lr': .02}
  c.update_from_flattened_dict(changes)
  return c


def test_a_resumed_run_is_the_unbroken_one_bit_for_bit(tiny, tmp_path):
  one = loop.run(all_three(tiny), tmp_path / 'one')
  assert all(held['p'] > 0. for held in one.extra['augment'].values())
  loop.run(all_three(tiny, steps=2), tmp_path / 'two')
  again = loop.run(all_three(tiny), tmp_path / 'two',
                   allow_config_change=True)
  assert jax.tree.all(jax.tree.map(np.array_equal, one, again))


@pytest.mark.long
def test_eight_devices_augment_as_one(tiny, tmp_path):
  one = loop.run(all_three(tiny), tmp_path / 'one')
  eight = loop.run(all_three(tiny, devices=8), tmp_path / 'eight')
  jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=2e-3,
                                 atol=2e-4), one, eight)
