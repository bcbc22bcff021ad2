import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.layers import relax

LOGITS = np.array([[.3, -1.2, .9, 0.], [2., 0., 0., -1.]], np.float32)
KEY = jax.random.key(3)


def softmax(x):
  e = np.exp(x)
  return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize('name', relax.__all__)
def test_weights_are_a_distribution_and_cold_far_logits_choose_the_best(name):
  choose = getattr(relax, name)
  for rng in (None, KEY):
    weights = choose(LOGITS, rng, 2.)
    assert weights.shape == LOGITS.shape and (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-6)
  best = np.eye(4, dtype=np.float32)[LOGITS.argmax(-1)]
  np.testing.assert_array_equal(choose(1e4 * best, None, 1e-3), best)


def test_the_formulas_without_noise():
  np.testing.assert_allclose(relax.softmax(LOGITS, KEY, .1), softmax(LOGITS),
                             rtol=1e-5)
  np.testing.assert_allclose(relax.gumbel(LOGITS, None, 2.),
                             softmax(LOGITS / 2), rtol=1e-5)
  np.testing.assert_allclose(relax.gumbel_on_probabilities(LOGITS, None, 2.),
                             softmax(softmax(LOGITS) / 2), rtol=1e-5)


def test_noise_is_gumbel_and_fresh_for_every_row():
  logits = jnp.zeros((20000, 3))
  # log w_0 - log w_1 is a difference of Gumbel noises: logistic.
  weights = np.log(relax.gumbel(logits, KEY, 1.))
  difference = weights[:, 0] - weights[:, 1]
  np.testing.assert_allclose(difference.mean(), 0, atol=.05)
  np.testing.assert_allclose(difference.std(), np.pi / 3**.5, rtol=.05)
  assert not (relax.gumbel(logits, jax.random.key(4), 1.) == np.exp(
      weights)).any()


@pytest.mark.parametrize('name', ['straight_through', 'single_path'])
def test_one_operation_is_drawn_with_its_probability(name):
  logits = jnp.tile(LOGITS[:1], (20000, 1))
  for temperature in (.1, 5.):
    drawn = np.asarray(getattr(relax, name)(logits, KEY, temperature))
    assert set(np.unique(drawn)) == {0., 1.}
    np.testing.assert_allclose(drawn.mean(0), softmax(LOGITS[0]), atol=.01)


def test_gradients_are_the_soft_ones_of_all_or_of_the_chosen():
  values = np.array([1., -2., 3., .5], np.float32)
  gradient = lambda choose, values: np.asarray(jax.grad(
      lambda a: (choose(a, KEY, .7) * values).sum())(LOGITS[0]))
  np.testing.assert_allclose(gradient(relax.straight_through, values),
                             gradient(relax.gumbel, values), rtol=1e-5)
  chosen = relax.single_path(LOGITS[0], KEY, .7)
  np.testing.assert_allclose(gradient(relax.single_path, values),
                             gradient(relax.gumbel, values * chosen),
                             rtol=1e-5)
