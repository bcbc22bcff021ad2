"""Optimizers of optax by name: which there are, arguments, rates."""
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jgan import config as configs
from jgan import steps
from jgan.errors import UserError
from jgan.optim import lazy, named, schedules
from jgan.run import loop
from jgan.sections import keywords
from jgan.types import Network


def fits(name):
  try:
    return bool(named.algorithm(f'optax:{name}'))
  except UserError:
    return False


def test_those_that_need_gradients_and_a_rate_only_are_there():
  refused = {name for name in named.names() if not fits(name)}
  assert {'lion', 'adan', 'adopt', 'optimistic_adam_v2', 'muon',
          'schedule_free_adamw'} <= {*named.names()} - refused
  assert {'lbfgs', 'momo', 'dpsgd', 'schedule_free'} <= refused


def test_arguments_are_those_of_optax_with_its_defaults():
  assert keywords(named.algorithm('optax:adan')) == {
      'b1': .98, 'b2': .92, 'b3': .99, 'eps': 1e-8, 'eps_root': 1e-8,
      'weight_decay': 0.}
  # A default of None is 0., and is handed on as None.
  assert keywords(named.algorithm('optax:sgd')) == {'momentum': 0.,
                                                    'nesterov': False}
  empty = named.algorithm('optax:sgd')(.1, momentum=0.).init(jnp.ones(2))
  assert not jax.tree.leaves(empty)
  assert jax.tree.leaves(named.algorithm('optax:sgd')(.1, momentum=.5).init(
      jnp.ones(2)))


@pytest.mark.parametrize('name', ['lion', 'adan', 'adopt', 'yogi',
                                  'optimistic_adam_v2', 'signum'])
def test_they_are_optaxs_and_follow_a_schedule(name):
  """One that is 0 from the third update on stops there."""
  make = named.algorithm(f'optax:{name}')
  rate = schedules.linear(.1, steps=2)
  own = getattr(optax, name, None) or getattr(optax.contrib, name)

  def run(tx, count):
    params = jnp.ones(4)
    state, update = tx.init(params), jax.jit(tx.update)
    history = [params]
    for _ in range(count):
      updates, state = update(jnp.arange(1., 5.), state, history[-1])
      history.append(history[-1] + updates)
    return history

  first = run(make(rate), 4)
  np.testing.assert_array_equal(first, run(own(rate), 4))
  np.testing.assert_array_equal(first[2], first[4])
  assert (first[2] < 1.).any()


def test_optimism_converges_on_the_bilinear_game_by_its_recurrence():
  """w <- w - a (2 g_t - g_{t-1}), where plain descent goes away."""
  tx = named.algorithm('optax:optimistic_gradient_descent')(.3)
  update = jax.jit(tx.update)
  slope = lambda w: np.float32([w[1], -w[0]])
  w = jnp.ones(2)
  state, history = tx.init(w), []
  for _ in range(200):
    history.append(np.asarray(w))
    updates, state = update(slope(w), state, w)
    w = w + updates
  a, b, c = history[10:13]
  np.testing.assert_allclose(c, b - .3 * (2. * slope(b) - slope(a)), atol=1e-6)
  assert np.hypot(*history[-1]) < .01 < 1. < np.hypot(*history[0])


def test_the_rate_does_not_count_the_update_of_a_penalty():
  tx = named.algorithm('optax:adopt')(lambda count: 1. / (1. + count))
  params = jnp.ones(2)
  state = tx.init(params)
  _, state = tx.update(params, state, params)
  counts = lambda state: [int(x.count) for x in jax.tree.leaves(
      state, is_leaf=lambda x: isinstance(x, optax.ScaleByScheduleState))
                          if isinstance(x, optax.ScaleByScheduleState)]
  assert counts(state) == [1]
  _, after = lazy.update(tx, params, state, params)
  assert counts(after) == [1]


def test_samples_are_of_the_averages_of_schedule_free():
  """x = the mean of z, by hand: y = .1 z + .9 x, z <- z - a g(y)."""
  tx = named.algorithm('optax:schedule_free_sgd')(lambda n: .1 + 0. * n)
  slope = lambda y: y * np.arange(1., 4.)
  y = jnp.float32([1., 2., 3.])
  state, update = tx.init(y), jax.jit(tx.update)
  x = z = by_hand = np.float32(y)
  for n in range(5):
    updates, state = update(jnp.float32(slope(y)), state, y)
    y = y + updates
    z = z - .1 * slope(by_hand)
    x = x + (z - x) / (n + 1)
    by_hand = .1 * z + .9 * x
  np.testing.assert_allclose(y, by_hand, rtol=1e-5)
  net = Network(y, {}, (state,))
  np.testing.assert_allclose(
      steps.average(net, net, 0, decay=0.).params, x, rtol=1e-5)
  old = Network(0. * y, {})
  np.testing.assert_allclose(
      steps.average(old, net, 0, decay=.5).params, .5 * x, rtol=1e-5)


@pytest.mark.parametrize('changes, words', [
    ({'name': 'optax:loin'}, "did you mean 'lion'"),
    ({'name': 'adamw'}, 'those of optax as optax:NAME'),
    ({'name': 'optax:lookahead'}, 'pairs, fast and slow'),
    ({'name': 'optax:lbfgs'}, 'needs more than gradients'),
    ({'name': 'optax:dpsgd'}, 'needs l2_norm_clip'),
    ({'name': 'optax:noisy_sgd'}, 'a random key in its state'),
    ({'name': 'optax:lion', 'b3': .9}, "unknown key 'b3'.*known: b1, b2"),
    ({'name': 'optax:lion', 'b1': 'high'}, 'type float is needed'),
    ({'name': 'optax:schedule_free_adamw', 'b1': 0.},
     'gen.b1=0: one above 0'),
    ({'name': 'optax:schedule_free_sgd', 'clip_weight': .1},
     'would not see: optimizer.gen.clip_weight')])
def test_what_there_is_not_is_refused_in_words(tiny, changes, words):
  tiny.optimizer.gen = {'lr': .1, **changes}
  with pytest.raises(UserError, match=words):
    configs.complete(tiny)


def test_it_is_refused_where_it_would_be_wrong(tiny):
  tiny.optimizer.gen = {'name': 'optax:prodigy', 'lr': 1.}
  tiny.init.generator = 'g.safetensors'
  with pytest.raises(UserError, match="remembers the network's first weights"):
    configs.complete(tiny)
  tiny.init.generator, tiny.lazy = '', 'apart'
  tiny.penalties = ({'name': 'r1', 'every': 4},)
  with pytest.raises(UserError, match='rate counts all updates'):
    configs.complete(tiny)
  tiny.optimizer.gen = {'name': 'optax:adopt', 'lr': 1.}
  assert configs.complete(tiny)


def test_runs_with_them_and_with_pruning_resume(tiny, tmp_path, interrupted):
  tiny.steps = 3
  tiny.optimizer.gen = {'name': 'optax:schedule_free_adamw', 'lr': 1e-3}
  tiny.optimizer.disc = {
      'name': 'optax:adopt', 'lr': 1e-3, 'clip_norm': 1.,
      'schedule': {'name': 'cosine'},
      'pruning': {'name': 'prune_grow', 'ratio': .3, 'warmup': 1,
                  'interval': 2}}
  tiny.samples.every = 0
  whole = loop.run(tiny, tmp_path / 'whole')
  interrupted(tiny, tmp_path / 'part', step=2)
  again = loop.run(tiny, tmp_path / 'part')
  same = functools.partial(jax.tree.map, np.array_equal)
  assert jax.tree.all(same(whole, again))
  held = jax.tree.map(lambda p, m: np.where(m, 0., p), whole.disc.params,
                      whole.disc.opt.masks)
  assert not any(np.any(x) for x in jax.tree.leaves(held))
  assert not jax.tree.all(same(
      whole.gen.params, named.weights(whole.gen.params, whole.gen.opt)))
