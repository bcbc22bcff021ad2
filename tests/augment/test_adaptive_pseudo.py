"""APA: the rule for p that ADA shares, and what is put for real images."""
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.augment import ada, adaptive_pseudo
from jgan.errors import UserError

KEY = jax.random.key(0)
SHAPE = (8, 4, 4, 1)


@functools.partial(jax.jit, static_argnames=('images', 'knobs'))
def run(memory, signs, images, knobs=()):
  """p after each of the steps whose mean signs are given."""
  def step(memory, sign):
    memory = adaptive_pseudo.update(memory, sign, images, **dict(knobs))
    return memory, memory['p']
  return jax.lax.scan(step, memory, signs)[1]


def test_a_hundred_changes_at_batch_64_take_p_to_the_golden_value():
  """specs/re_gan.md 12.3 and 12.4: 5.12e-4 each."""
  p = run(ada.start(), jnp.ones(400), 64)
  np.testing.assert_allclose(p[-1], .0512, rtol=1e-5)
  np.testing.assert_allclose(p[3], 5.12e-4, rtol=1e-6)
  assert (p[:3] == 0.).all() and (jnp.diff(p)[jnp.arange(399) % 4 != 2]
                                  == 0.).all()


def test_p_falls_to_zero_and_no_further():
  p = run(ada.start(p=.001), jnp.full(40, .5), 64)
  np.testing.assert_allclose(p[3], .001 - 5.12e-4, rtol=1e-5)
  assert p[7] == 0. and (p[8:] == 0.).all()


def test_p_is_not_held_at_one():
  assert run(ada.start(p=1.), jnp.ones(4), 64)[-1] > 1.


def test_the_mean_of_the_steps_since_the_last_change_decides():
  up, down = (run(ada.start(p=.5), jnp.float32(signs), 64)[-1] > .5 for signs in
              ([1., 1., 1., -.5], [0., 0., 1., 1.]))
  assert up and not down
  # What was before the last change is forgotten.
  p = run(ada.start(p=.5), jnp.float32([1.] * 4 + [.5] * 4), 64)
  np.testing.assert_allclose(p[-1], .5, rtol=1e-6)


def test_knobs_set_target_interval_and_pace():
  p = run(ada.start(), jnp.full(8, .7), 100,
          (('target', .65), ('every', 2), ('kimg', 1.)))
  np.testing.assert_allclose(p, [0., .2, .2, .4, .4, .6, .6, .8], rtol=1e-6)
  p = run(ada.start(p=.3), jnp.ones(8), 100, (('kimg', 0.),))
  np.testing.assert_array_equal(p, np.float32(.3))


@pytest.mark.parametrize('knobs, words', [
    ({'target': 1.}, 'target=1,'), ({'every': 0}, 'every=0'),
    ({'kimg': -1.}, 'kimg=-1')])
def test_knobs_that_make_no_sense_are_refused(knobs, words):
  with pytest.raises(UserError, match=words):
    ada.update(ada.start(), 0., 64, **knobs)


def test_the_memory_keeps_its_shapes_and_types():
  """It lives in the state: a changed type would compile every step anew."""
  first = adaptive_pseudo.start(SHAPE)
  memory = adaptive_pseudo.update(first, jnp.float32(1.), 64)
  memory = adaptive_pseudo.remember(memory, jnp.ones(SHAPE))
  form = lambda memory: jax.tree.map(lambda x: (x.dtype, x.shape), memory)
  assert form(memory) == form(first)
  assert first['p'] == 0. and (memory['fakes'] == 1.).all()


def test_a_share_p_of_the_reals_gives_way_to_the_fake_of_its_index():
  b = 4000
  index = jnp.arange(1., b + 1)[:, None, None, None] * jnp.ones((1, 2, 2, 1))
  for p in (.3, 1.):
    got = np.asarray(adaptive_pseudo.replace(
        KEY, index, {'fakes': -index, 'p': p}))
    np.testing.assert_array_equal(abs(got), index)
    put = (got < 0.).mean((1, 2, 3))
    assert set(np.unique(put)) <= {0., 1.}  # whole images
    np.testing.assert_allclose(put.mean(), p, atol=.03)


def test_where_p_is_zero_the_reals_stay_bit_for_bit():
  real = jax.random.normal(KEY, SHAPE)
  got = adaptive_pseudo.replace(KEY, real, {'fakes': jnp.ones(SHAPE), 'p': 0.})
  np.testing.assert_array_equal(got, real)


def test_no_gradient_reaches_the_fakes_that_are_remembered():
  def through(fake):
    memory = adaptive_pseudo.remember({'p': 1.}, fake)
    return adaptive_pseudo.replace(KEY, jnp.ones(SHAPE), memory).sum()
  assert (jax.grad(through)(jnp.ones(SHAPE)) == 0.).all()


def test_four_shards_remember_and_replace_as_the_whole_batch_does():
  real, fake = jax.random.normal(KEY, (2, *SHAPE))

  def both(real, fake, axis_name=None):
    memory = adaptive_pseudo.remember({'p': .5}, fake, axis_name=axis_name)
    return (adaptive_pseudo.replace(KEY, real, memory, axis_name=axis_name),
            memory['fakes'])

  want, kept = both(real, fake)
  split = lambda x: x.reshape(4, 2, *SHAPE[1:])
  got, gathered = jax.vmap(functools.partial(both, axis_name='shard'),
                           axis_name='shard')(split(real), split(fake))
  np.testing.assert_array_equal(got.reshape(SHAPE), want)
  for each in gathered:
    np.testing.assert_array_equal(each, kept)


def test_more_fakes_than_reals_are_fine_and_fewer_are_refused():
  real = jnp.ones(SHAPE)
  got = adaptive_pseudo.replace(KEY, real,
                                {'fakes': jnp.zeros((9, 4, 4, 1)), 'p': 1.})
  assert (got == 0.).all()
  with pytest.raises(UserError, match='7 fakes for 8 real images'):
    adaptive_pseudo.replace(KEY, real,
                            {'fakes': jnp.zeros((7, 4, 4, 1)), 'p': 1.})
