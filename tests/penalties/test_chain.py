"""CHAIN: the normalisation and its penalty, by hand, over shards, in a step."""
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import build
from jgan import config as configs
from jgan.errors import UserError
from jgan.layers.norm.chain import chain as norm
from jgan.penalties import chain
from jgan.types import Play, View

KEY = jax.random.key(0)
X = np.float32([[1., 2.], [-3., 2.]])[:, None, None]


def apply(layer, x, key=None, **kw):
  """-> output, means, with the initial p of the layer."""
  rngs = {} if key is None else {'rngs': {'noise': key}}
  state = layer.init(KEY, x, True)
  out, sown = layer.apply({'schedule': state['schedule']}, x, True,
                          mutable=['features'], **rngs, **kw)
  return out, sown['features']['means'][0]


def play(real, fake, step=0, logits=(1.,), axis_name=None):
  view = lambda means: View(None, jnp.float32(logits), means=means)
  return Play(view(real), view(fake), None, None, None, None, jnp.int32(step),
              axis_name)


def test_it_has_the_values_by_hand():
  out, means = apply(norm(), X)
  np.testing.assert_allclose(out[:, 0, 0], [[.8944274, 2.], [-2.6832822, 2.]],
                             rtol=1e-6)
  np.testing.assert_allclose(means, [-1., 2.])
  value, _ = chain.discriminator(play((means,), (0. * means,)), p=.9, base=.1)
  np.testing.assert_allclose(value, 100., rtol=1e-6)


def test_it_normalises_each_channel_of_each_image_with_probability_p():
  x = np.float32(np.random.default_rng(0).normal(size=(400, 2, 2, 3)))
  x *= np.float32([1., 2., 3.])
  whole, _ = apply(norm(p=1.), x, KEY)
  part, _ = apply(norm(p=.3), x, KEY)
  chosen = np.all(np.isclose(part, whole), (1, 2))
  np.testing.assert_allclose(
      part, np.where(chosen[:, None, None], whole, x), rtol=1e-4)
  # The channel of the least root mean square is the same either way.
  assert np.all(np.abs(chosen[:, 1:].mean(0) - .3) < .08)
  np.testing.assert_array_equal(apply(norm(p=0.), x, KEY)[0], x)
  np.testing.assert_allclose(apply(norm(p=.3), x)[0], .7 * x + .3 * whole,
                             rtol=1e-4, atol=1e-6)


def test_it_never_raises_a_slope():
  layer = norm()
  state = layer.init(KEY, X, True)
  scale = lambda c: layer.apply(state, c * X, True)
  np.testing.assert_allclose(scale(2.), 2. * scale(1.), rtol=1e-4)
  assert np.all(np.abs(scale(1.)) <= np.abs(X) * (1 + 1e-6))


def test_shards_have_the_values_means_and_coins_of_the_whole_batch():
  x = np.float32(np.random.default_rng(1).normal(size=(8, 2, 2, 3)))
  x *= np.float32([1., 2., 3.])

  def graded(x, axis_name=None):
    layer = norm(p=.5, axis_name=axis_name)

    def loss(w):
      out, sown = layer.apply({'schedule': {'chain_p': jnp.float32(.5)}}, w * x,
                              True, rngs={'noise': KEY}, mutable=['features'])
      means = sown['features']['means']
      value, _ = chain.discriminator(play(means, means, axis_name=axis_name))
      return value + jnp.mean(jnp.sin(out)), (out, means[0])

    return jax.value_and_grad(loss, has_aux=True)(jnp.float32([1., 2., 3.]))

  (value, (out, means)), slope = jax.jit(
      jax.vmap(lambda x: graded(x, 'd'), axis_name='d'))(
          x.reshape(4, 2, 2, 2, 3))
  (whole, (whole_out, whole_means)), whole_slope = graded(x)
  np.testing.assert_allclose(out.reshape(x.shape), whole_out, atol=1e-5)
  np.testing.assert_allclose(means[2], whole_means, rtol=1e-4)
  np.testing.assert_allclose(value.mean(), whole, rtol=1e-4)
  np.testing.assert_allclose(slope.mean(0), whole_slope, rtol=1e-3, atol=1e-5)


def test_p_follows_the_signs_from_its_start_and_stays_a_probability():
  act = jax.jit(lambda step, sign, memory: chain.discriminator(
      play((jnp.ones(2),), (jnp.ones(2),), step, sign), speed=.4, start=2,
      decay=.5, **memory)[1])
  memory, history = {'p': 0., 'signs': 0.}, []
  for step, sign in enumerate([1., 1., 1., 1., 1., -1., -1.]):
    memory = act(step, (sign,), memory)
    history.append([float(memory['signs']), float(memory['p'])])
  np.testing.assert_allclose(history, [
      [.5, 0.], [.75, 0.], [.875, .4], [.9375, .8], [.96875, 1.],
      [-.015625, .6], [-.5078125, .2]], atol=1e-6)


def test_without_its_norm_and_out_of_range_it_is_refused():
  with pytest.raises(UserError, match='discriminator.norm=chain'):
    chain.discriminator(play((), ()))
  with pytest.raises(UserError, match='target=1'):
    chain.discriminator(play((X,), (X,)), target=1.)
  with pytest.raises(UserError, match='affine=True'):
    norm(affine=True).init(KEY, X, True)


def test_a_probability_of_the_norm_beside_the_penalty_is_refused(tiny):
  tiny.penalties = ({'name': 'chain', 'p': .2},)
  tiny.discriminator = {'name': 'dcgan', 'norm': {'name': 'chain', 'p': .5}}
  with pytest.raises(UserError, match='norm has p=0.5, and the penalty'):
    configs.complete(tiny)
  del tiny.discriminator.norm['p']
  configs.complete(tiny)


def test_a_step_moves_p_and_gives_it_to_the_layers(tiny):
  tiny.discriminator.norm = 'chain'
  tiny.penalties = ({'name': 'chain', 'p': .25, 'speed': .5, 'start': 0,
                     'target': -.9},)
  tiny = configs.complete(tiny)
  method = build.method(tiny)
  batch = {'image': np.zeros((1, 8, 16, 16, 1), np.uint8)}
  state = method.init(KEY, batch)
  layers = lambda state: {float(x) for x in jax.tree.leaves(
      state.disc.stats['schedule'])}
  assert layers(state) == {1.}
  step = jax.jit(method.step)
  for has, then in ((.25, .75), (.75, 1.)):
    state, metrics = step(state, batch, KEY)
    assert layers(state) == {has}
    assert metrics['disc/chain/p'] == then
    assert metrics['disc/chain'] > 0.
