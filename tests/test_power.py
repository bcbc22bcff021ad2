"""Power-function averages against numbers of specs/frontier.md, section 4.

They are of the formulas of Karras et al. (2024) in float64, apart from jgan.
"""
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import power
from jgan.errors import UserError
from jgan.types import Method, Network

STEPS = [t for t in (100, 200, 300, 400) for _ in range(2)]
EXPONENTS = [power.exponent(.05), power.exponent(.10)] * 4


@pytest.mark.parametrize('sigma, k', [
    (.05, 16.9721986023), (.075, 10.2891164490), (.10, 6.9372039376),
    (.15, 3.5578687749), (.20, 1.8262137799), (.25, .7198239580),
    (power.WIDEST, 0.)])
def test_every_width_has_its_exponent(sigma, k):
  np.testing.assert_allclose(power.exponent(sigma), k, rtol=1e-10, atol=1e-6)


@pytest.mark.parametrize('sigma', [0., -.1, .3, float('nan')])
def test_widths_that_no_average_has_are_refused(sigma):
  with pytest.raises(UserError, match=r'above 0 and at most 0\.2887'):
    power.exponent(sigma)


@pytest.mark.parametrize('sigma, want', [
    (.075, [5.55e-8, -9.915e-7, 1.308978e-4, -7.879842e-4, .011581696,
            -.0446650486, .3364241579, .697317217]),
    (.15, [-5.620351e-4, .0019440693, -.0131478656, .0380199666, -.0779583722,
           .2004086401, -.2640619708, 1.1153575676])])
def test_stored_averages_are_weighted_as_published(sigma, want):
  shares = power.weights(STEPS, EXPONENTS, 400, power.exponent(sigma))
  np.testing.assert_allclose(shares, want, rtol=2e-4, atol=1e-9)


def test_a_stored_average_is_made_of_itself():
  shares = power.weights(STEPS, EXPONENTS, 300, power.exponent(.10))
  np.testing.assert_allclose(shares, np.eye(8)[5], atol=1e-9)


def test_the_new_weights_share_of_a_step():
  for n, want in ((1, 0.), (2, .00408003166), (3, .04002467049),
                  (1000, .99209027265)):
    left = power.update(np.float32(1), np.float32(0), jnp.int32(n),
                        power.exponent(.10))
    np.testing.assert_allclose(left, want, rtol=2e-5, atol=1e-9)


def test_a_curve_is_averaged_and_other_averages_are_made_of_it(double):
  """Weights sin(.05 n) at n = 1 ... 400."""
  k = np.array([power.exponent(s) for s in (.05, .10, .075, .15)])

  def step(average, n):
    average = power.update(average, jnp.sin(.05 * n), n, k)
    return average, average

  with double():
    _, averages = jax.lax.scan(step, jnp.zeros(4), jnp.arange(1., 401.))
    averages = np.asarray(averages)
  np.testing.assert_allclose(
      averages[-1], [.22564555329, -.01989496800, .04926981508,
                     -.04869653006], rtol=1e-9)
  stored = np.ravel(averages[np.array([99, 199, 299, 399]), :2])
  for sigma, want in ((.075, .04952208468), (.15, -.03862433039)):
    shares = power.weights(STEPS, EXPONENTS, 400, power.exponent(sigma))
    np.testing.assert_allclose(shares @ stored, want, rtol=1e-8)


def test_a_method_of_any_kinds_of_steps_keeps_averages():
  class State:
    def __init__(self, step, gen, extra):
      self.step, self.gen, self.extra = step, gen, extra

    def replace(self, extra):
      return State(self.step, self.gen, extra)

  def grow(state, batch, rng):
    del rng
    return State(state.step + 1, Network({'w': batch}, {}), state.extra), {}

  method = Method(lambda rng, batch: State(0, Network({'w': 5.}, {}), {'a': 1}),
                  {'one': grow, 'two': grow}, None, 2)
  kept = power.with_averages(method, (.05, .1))
  state = kept.init(None, None)
  assert {*state.extra} == {'a', 'averages'}
  state, _ = kept.step['one'](state, 2., None)
  assert state.extra['averages'] == {'0.050': {'w': 2.}, '0.100': {'w': 2.}}
  state, _ = kept.step['two'](state, 4., None)
  np.testing.assert_allclose(state.extra['averages']['0.100']['w'],
                             4. - 2. * .00408003166, rtol=1e-6)
  with pytest.raises(UserError, match=r'\.001 or more'):
    power.with_averages(method, (.1, .1001))


def test_the_distance_of_profiles_is_that_of_their_integrals():
  steps, widths, step, k = [30, 60], [8., 3.], 60, 1.
  shares = power.weights(steps, widths, step, k)
  times = (np.arange(60_000) + .5) / 1000.
  profile = lambda t, k: np.where(
      times <= t, (k + 1) / t * (times / t)**k, 0.)
  made = sum(w * profile(*of) for w, of in zip(
      shares, zip(steps, widths, strict=True), strict=True))
  want = np.linalg.norm(made - profile(step, k)) / np.linalg.norm(
      profile(step, k))
  got = power.distance(steps, widths, step, k, shares)
  assert want > .05 and abs(got - want) < 1e-3
  assert power.distance(steps, widths, 60, 3., np.array([0., 1.])) < 1e-6
