"""Band weights against the numbers of specs/soft_octave.md 2.4."""
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.errors import UserError
from jgan.schedules import octave
from jgan.schedules._progress import progress

EPOCH = 7  # steps
STEPS = 50 * EPOCH


@jax.jit
def weights(step):
  done = progress(step, steps=STEPS, every=EPOCH)
  return {name: octave.values(done, curve=name) for name in octave.CURVES}


@pytest.mark.parametrize('curve, epoch, high, low', [
    ('combi', 1, .22, .78), ('combi', 2, .24, .76), ('combi', 10, .4, .6),
    ('combi', 24, .68, .32), ('combi', 25, .7, .3), ('combi', 26, .7, .3),
    ('combi', 50, .7, .3), ('ramp', 1, .02, .98), ('ramp', 25, .5, .5),
    ('ramp', 50, 1., 0.), ('oct', 1, 1., 1.), ('oct', 50, 1., 1.),
    ('ramp_delayed', 10, 0., 1.), ('ramp_delayed', 30, .5, .5)])
def test_epochs_have_the_published_weights(curve, epoch, high, low):
  for step in (EPOCH * (epoch - 1), EPOCH * epoch - 1):  # its first, its last
    found = weights(step)[curve]
    np.testing.assert_allclose([found['beta_high'], found['beta_low']],
                               [high, low], atol=1e-6)


def test_the_combined_curve_is_that_of_the_code():
  for p in np.linspace(0., 1., 23):
    np.testing.assert_allclose(octave.values(p)['beta_high'], min(p, .5) + .2,
                               rtol=1e-6)


def test_without_epochs_every_step_has_its_own_weights():
  np.testing.assert_allclose([progress(s, steps=4) for s in range(4)],
                             [.25, .5, .75, 1.])
  assert progress(3, steps=4, every=1) == 1.


def test_an_epoch_that_the_end_cuts_short_counts_as_done():
  assert progress(9, steps=10, every=4) == 1.
  assert progress(7, steps=10, every=4) == jnp.float32(.8)


def test_many_steps_do_not_overflow():
  step = jnp.int32(2**31 - 10)
  assert progress(step, steps=2**31 - 1, every=5) == 1.


def test_points_of_ones_own_hold_beyond_their_ends():
  high, low = ((.2, .1), (.6, .5)), ((0., 1.), (1., .5))
  at = lambda p: octave.values(p, curve='points', points=high, low=low)
  np.testing.assert_allclose([at(p)['beta_high'] for p in (0., .4, 1.)],
                             [.1, .3, .5], rtol=1e-6)
  np.testing.assert_allclose([at(p)['beta_low'] for p in (0., .4, 1.)],
                             [1., .8, .5], rtol=1e-6)


def test_low_points_replace_the_rest_to_one():
  found = octave.values(.5, curve='ramp', low=((0., .9),))
  np.testing.assert_allclose([found['beta_high'], found['beta_low']], [.5, .9])


@pytest.mark.parametrize('arguments, words', [
    ({'curve': 'comby'}, "no curve 'comby': did you mean 'combi'"),
    ({'curve': 'points'}, "curve='points' with 0 points"),
    ({'points': ((0., .2),)}, "curve='combi' with 1 points"),
    ({'low': ((.5, .2), (.5, .7))}, r'progress \(0.5, 0.5\); it must rise'),
    ({'low': ((0., .2), (1., 1.7))}, r'leave \[0, 1\]'),
    ({'low': ((0., -.1),)}, r'leave \[0, 1\]'),
    ({'curve': 'points', 'points': ((0., .2), (2., .7))}, r'leave \[0, 1\]'),
    ({'curve': 'points', 'points': (0., .2)}, 'not pairs')])
def test_mistakes_are_refused(arguments, words):
  with pytest.raises(UserError, match=words):
    octave.values(.5, **arguments)
