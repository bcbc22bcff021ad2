"""The optimizers against PyTorch's documented formulas, in numpy."""
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jgan import lookup
from jgan.errors import UserError
from jgan.optim import algorithms, schedules

GRADS = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


def run(tx, grads=GRADS):
  params = jnp.ones(4)
  state = tx.init(params)
  for g in grads:
    updates, state = tx.update(jnp.asarray(g), state, params)
    params = optax.apply_updates(params, updates)
  return params


@pytest.mark.parametrize('scale', [1., 1e-7])  # the place of eps shows at 1e-7
def test_adam_takes_pytorchs_steps(scale):
  p, m, v = np.ones(4), 0., 0.
  for t, g in enumerate(GRADS * scale, 1):
    m = .5 * m + .5 * g
    v = .9 * v + .1 * g**2
    p = p - .1 * m / (1 - .5**t) / (np.sqrt(v / (1 - .9**t)) + 1e-8)
  np.testing.assert_allclose(
      run(algorithms.adam(.1, b1=.5, b2=.9), GRADS * scale), p, rtol=1e-5)


def test_a_layer_that_joins_late_begins_with_a_count_of_its_own():
  """As torch.optim.Adam, in which its gradient is None before, by hand.

  After a first gradient, later zeros count too. The learning rate does not
  begin anew.
  """
  tx = algorithms.adam(lambda count: .1 / (1 + count), b1=.5, b2=.9,
                       counts='own')
  none = 0 * GRADS[0]
  grads = {'old': [*GRADS, *GRADS[:2]],
           'new': [none, none, GRADS[0], none, GRADS[1]]}
  params = {name: jnp.ones(4) for name in grads}
  want = {name: np.ones(4) for name in grads}
  moments = dict.fromkeys(grads, (0, 0., 0.))
  state = tx.init(params)
  update = jax.jit(tx.update)
  for i in range(5):
    step = {name: jnp.asarray(g[i]) for name, g in grads.items()}
    updates, state = update(step, state)
    params = optax.apply_updates(params, updates)
    for name, g in step.items():
      t, m, v = moments[name]
      if t == 0 and not g.any():
        continue
      t, m, v = t + 1, .5 * m + .5 * g, .9 * v + .1 * g**2
      moments[name] = t, m, v
      want[name] = want[name] - .1 / (1 + i) * m / (1 - .5**t) / (
          np.sqrt(v / (1 - .9**t)) + 1e-8)
  for name in grads:
    np.testing.assert_allclose(params[name], want[name], rtol=1e-5)
  assert jax.tree.map(int, state[0].count) == {'old': 5, 'new': 3}


def test_counts_of_its_own_are_those_of_all_where_no_layer_is_late():
  own = run(algorithms.adam(.1, b1=.5, b2=.9, counts='own'))
  np.testing.assert_array_equal(own, run(algorithms.adam(.1, b1=.5, b2=.9)))


def test_other_counts_are_refused():
  with pytest.raises(UserError, match="adam: no counts 'each'.*own"):
    algorithms.adam(.1, counts='each')


@pytest.mark.parametrize('scale', [1., 1e-7])
def test_rmsprop_takes_pytorchs_steps(scale):
  p, v = np.ones(4), 0.
  for g in GRADS * scale:
    v = .99 * v + .01 * g**2
    p = p - .1 * g / (np.sqrt(v) + 1e-8)
  np.testing.assert_allclose(run(algorithms.rmsprop(.1), GRADS * scale), p,
                             rtol=1e-5)


@pytest.mark.parametrize('momentum', [0., .9])
def test_sgd_takes_pytorchs_steps(momentum):
  p, buffer = np.ones(4), 0.
  for g in GRADS:
    buffer = momentum * buffer + g
    p = p - .1 * buffer
  np.testing.assert_allclose(run(algorithms.sgd(.1, momentum=momentum)), p,
                             rtol=1e-5)


@pytest.mark.parametrize('name', algorithms.__all__)
def test_every_algorithm_follows_a_schedule_and_descends(name):
  make = lookup.member('optim.algorithms', name)
  # A schedule that is zero from its third update on stops there.
  rate = schedules.linear(.1, steps=2)
  two = run(make(rate), np.ones((2, 4), np.float32))
  five = run(make(rate), np.ones((5, 4), np.float32))
  assert (two < 1.).all()
  np.testing.assert_array_equal(two, five)
  assert jax.tree.all(jax.tree.map(lambda x: x.dtype == jnp.float32, two))


def test_a_moving_b2_corrects_the_bias_by_its_current_value():
  """As PyTorch does if it is set anew before each step."""
  p, m, v = np.ones(4), 0., 0.
  for t, g in enumerate(GRADS, 1):
    b2 = .99 + (.9 - .99) * (.5 + .5 * np.cos(np.pi * min((t - 1) / 1.5, 1.)))
    m = .5 * m + .5 * g
    v = b2 * v + (1 - b2) * g**2
    p = p - .1 * m / (1 - .5**t) / (np.sqrt(v / (1 - b2**t)) + 1e-8)
  tx = algorithms.adam(.1, b1=.5, b2=.9, final_b2=.99, end=1.5)
  np.testing.assert_allclose(run(tx), p, rtol=1e-5)
  like = algorithms.adam(.1).init(jnp.ones(4))
  assert jax.tree.structure(tx.init(jnp.ones(4))) == jax.tree.structure(like)


@pytest.mark.parametrize('fields', [
    {'final_b2': 1., 'end': 5.}, {'end': -1.},
    {'final_b2': .99, 'end': 5., 'counts': 'own'}])
def test_a_b2_that_cannot_move_is_refused(fields):
  with pytest.raises(UserError, match='adam: final_b2='):
    algorithms.adam(.1, **fields)


@pytest.mark.parametrize('name, key, value', [
    ('adam', 'b1', 1.), ('adam', 'b2', -.1), ('adam', 'eps', -1e-8),
    ('rmsprop', 'alpha', 2.), ('rmsprop', 'eps', -1.), ('sgd', 'momentum', 1.)])
def test_a_share_that_is_none_is_refused(name, key, value):
  with pytest.raises(UserError, match=f'{name}: .*{key}={value:g}.* be right'):
    lookup.member('optim.algorithms', name)(.1, **{key: value})
