"""LeCam: numbers by hand, its anchors over steps, shards."""
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.errors import UserError
from jgan.penalties import lecam
from jgan.types import Play, View

REAL, FAKE = np.float32([1.2, -.3]), np.float32([-.8, .4])


def play(real=REAL, fake=FAKE, step=2000, axis_name=None):
  view = lambda x: View(None, jnp.float32(x))
  return Play(view(real), view(fake), None, None, None, None, jnp.int32(step),
              axis_name)


@pytest.mark.parametrize('relu, weight, want', [
    (True, 1., 1.83), (True, .3, .549), (False, 1., 1.835)])
def test_it_has_the_values_by_hand(relu, weight, want):
  value = weight * lecam.distance(REAL, FAKE, .5, -.2, relu=relu)
  np.testing.assert_allclose(value, want, rtol=1e-6)


def test_anchors_move_before_the_penalty_and_are_not_drawn_to_zero():
  """The first one is the batch's mean; others by an average of weights."""
  memory, means = {}, []
  for n in range(4):
    real = REAL + n
    value, memory = lecam.discriminator(play(real), start=0, decay=.99,
                                        weight=1., **memory)
    means.append(real.mean())
    weights = .99**np.arange(n, -1, -1)
    anchor = np.dot(weights, means) / weights.sum()
    np.testing.assert_allclose(memory['real'] / memory['mass'], anchor,
                               rtol=1e-4)
    want = lecam.distance(real, FAKE, anchor, FAKE.mean())
    np.testing.assert_allclose(value, want, rtol=1e-4)


def test_before_its_start_anchors_are_those_of_the_batch_and_it_is_zero():
  act = jax.jit(lambda step, memory: lecam.discriminator(
      play(step=step), start=3, decay=.5, weight=1., **memory))
  far = {'real': 100., 'fake': 100., 'mass': 1.}
  value, memory = act(2, far)
  assert value == 0.
  np.testing.assert_allclose([memory[k] for k in lecam.TRACED],
                             [REAL.mean(), FAKE.mean(), 1.])
  value, memory = act(3, far)
  np.testing.assert_allclose(memory['real'], 50. + .5 * REAL.mean())
  assert value > 0.


def test_anchors_have_no_gradient():
  slope = jax.grad(lambda real: lecam.discriminator(
      play(real), start=0, decay=0., weight=1., relu=False)[0])(REAL)
  # d/dx mean (x - a)^2, with a = the fakes' mean.
  np.testing.assert_allclose(slope, REAL - FAKE.mean(), rtol=1e-5)


def test_the_mean_over_shards_is_the_penalty_of_the_whole_batch():
  rng = np.random.default_rng(0)
  real, fake = np.float32(rng.normal(size=(2, 8, 3)))

  def graded(real, fake, axis_name=None):
    return jax.value_and_grad(lambda w: lecam.discriminator(
        play(w * real, w * fake, axis_name=axis_name), real=.2, fake=-.3,
        mass=.5), has_aux=True)(1.5)

  split = lambda x: x.reshape(4, 2, 3)
  (value, memory), slope = jax.jit(jax.vmap(
      lambda *x: graded(*x, 'd'), axis_name='d'))(split(real), split(fake))
  (whole, whole_memory), whole_slope = graded(real, fake)
  np.testing.assert_allclose(value.mean(), whole, rtol=1e-5)
  np.testing.assert_allclose(slope.mean(), whole_slope, rtol=1e-5)
  for name, x in whole_memory.items():
    np.testing.assert_allclose(memory[name], np.full(4, x), rtol=1e-5)


@pytest.mark.parametrize('knobs', [{'decay': 1.}, {'weight': -1.},
                                   {'start': -1}])
def test_impossible_numbers_are_refused(knobs):
  with pytest.raises(UserError, match='lecam: decay='):
    lecam.discriminator(play(), **knobs)
