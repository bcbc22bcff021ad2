"""Architecture logits: temperature, amended gradient, the Search of a method.
"""
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jgan import build
from jgan.errors import UserError
from jgan.methods import _search
from jgan.types import Network


@pytest.mark.parametrize('epochs, epoch, want', [
    (125, 0, 5.), (125, 1, 4.845942), (125, 25, 2.286525), (125, 50, 1.045640),
    (125, 100, .218672), (125, 124, .103179), (25, 1, 4.2757),
    (25, 12, .7647), (25, 24, .1169), (25, 40, .1)])
def test_the_temperature_falls_as_published(epochs, epoch, want):
  """mmd_adversarial_nas.md, golden 4."""
  np.testing.assert_allclose(_search.temperature(epoch, epochs), want,
                             atol=5e-5, rtol=1e-6)


def bilevel(amend):
  """One step of SGD on logits where every derivative is known.

  L_arch = a w, L_train = a w^2 / 2: at a=2, w=3 the gradient is w = 3, the
  mixed derivative w, the curvature a and dL_arch/dw = a, so the amended term
  is w a a = 12.
  """
  net = Network({'w': jnp.float32(3.)}, {'arch': {'a': jnp.float32(2.)}})
  tx = optax.sgd(1.)
  net, _, aux = _search.descend(
      net, tx.init(net.stats['arch']), tx,
      lambda arch, params: (arch['a'] * params['w'], 'seen'),
      train=lambda arch, params: arch['a'] * params['w']**2 / 2, amend=amend)
  assert aux == 'seen'
  return float(net.stats['arch']['a'])


def test_the_first_order_gradient_ignores_the_weights_response():
  assert bilevel(0.) == 2. - 3.


def test_the_amended_gradient_has_the_exact_second_order_term():
  np.testing.assert_allclose(bilevel(.1), 2. - (3. - .1 * 12.), rtol=1e-6)


def test_the_amended_gradient_is_the_finite_difference_of_the_published_code(
    double):
  rng = np.random.default_rng(0)
  m = rng.normal(size=(3, 3))
  arch, w = {'a': jnp.array(rng.normal(size=3), jnp.float32)}, jnp.array(
      rng.normal(size=3), jnp.float32)

  def train(arch, params):
    return jnp.sum(jnp.tanh(m @ params) * arch['a']) + jnp.sum(params**4)

  def held(arch, params):
    return jnp.sum(jnp.sin(params) * arch['a']**2), None

  net = Network(w, {'arch': arch})
  tx = optax.sgd(1.)
  moved, _, _ = _search.descend(net, tx.init(arch), tx, held, train=train,
                                amend=1.)
  with double():
    arch64 = {'a': jnp.asarray(np.asarray(arch['a'], np.float64))}
    w64 = jnp.asarray(np.asarray(w, np.float64))
    slope = jax.grad(lambda w: held(arch64, w)[0])(w64)
    e = 1e-4
    along = lambda f, v: (f(w64 + e * v) - f(w64 - e * v)) / (2 * e)
    curved = along(jax.grad(lambda w: train(arch64, w)), slope)
    mixed = along(lambda w: jax.grad(train)(arch64, w)['a'], curved)
    first = jax.grad(lambda a: held(a, w64)[0])(arch64)['a']
    want = arch64['a'] - (first - mixed)
  np.testing.assert_allclose(moved.stats['arch']['a'], want,
                             atol=1e-3 * np.abs(want).max())


def test_entropy_is_that_of_a_uniform_choice_at_equal_logits():
  arch = {'x': jnp.zeros((2, 4)), 'y': jnp.zeros((1, 4))}
  np.testing.assert_allclose(_search.entropy(arch), np.log(4), rtol=1e-6)


def test_shares_count_the_strongest_operations():
  arch = {'x': jnp.array([[0., 1.], [2., 1.], [3., 0.], [1., 0.]])}
  found = _search.shares(arch, {'x': ('p', 'q')})
  assert {k: float(v) for k, v in found.items()} == {'x/p': .75, 'x/q': .25}


def test_a_uniform_path_takes_every_operation_equally_often():
  has = {'x': np.tile([1., 1., 0., 1.], (3000, 1)), 'y': np.ones((2, 2))}
  drawn = _search.uniform(jax.random.key(0), has)
  assert jax.tree.map(jnp.shape, drawn) == jax.tree.map(jnp.shape, has)
  np.testing.assert_array_equal(drawn['x'].sum(-1), 1.)
  np.testing.assert_allclose(drawn['x'].mean(0), [1 / 3, 1 / 3, 0., 1 / 3],
                             atol=.03)


@pytest.mark.parametrize('name', ['adversarial_search', 'alpha_search'])
def test_a_search_refuses_fakes_that_both_players_share(name, game):
  c = game(gen_noise='shared', gen_batch=0)
  c.method = {'name': name}
  with pytest.raises(UserError, match=f"gen_noise is 'shared', .*'{name}'"):
    build.method(c)
