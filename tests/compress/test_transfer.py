"""Optimizer states between a network and its factored form."""
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jgan.compress.transfer import carry
from jgan.optim.algorithms import adam
from jgan.optim.groups import grouped

DENSE = {'a': {'kernel': jnp.ones((3, 3, 2, 2)), 'bias': jnp.ones(2)},
         'b': {'kernel': jnp.ones((2, 2))}}
FACTORED = {'a': {'in': jnp.ones((2, 4)), 'height': jnp.ones((3, 4)),
                  'width': jnp.ones((3, 4)), 'out': jnp.ones((4, 2)),
                  'bias': jnp.ones(2)},
            'b': {'kernel': jnp.ones((2, 2))}}
FACTORS = 'a/(in|height|width|out)$'


def trained(tx, params, steps=3):
  state = tx.init(params)
  for i in range(steps):
    grads = jax.tree.map(lambda p, i=i: (i + 1.) * p, params)
    _, state = tx.update(grads, state, params)
  return state


def groups(*, match=FACTORS, algorithm=optax.adam):
  return grouped(algorithm, 1e-3, [{'match': match, 'lr': 1e-5}])


def assert_same(a, b):
  jax.tree.map(np.testing.assert_array_equal, a, b)


def adam_of(state, group):
  return state.inner_states[group].inner_state[0]


@pytest.mark.parametrize('tx', [
    optax.adam(1e-3), adam(1e-3, counts='own'),
    optax.sgd(1e-3, momentum=.9),
    optax.chain(optax.clip_by_global_norm(1.), optax.rmsprop(1e-3))])
def test_a_state_of_the_same_network_is_carried_whole(tx):
  old = trained(tx, DENSE)
  new, fresh = carry(old, tx.init(DENSE))
  assert fresh == []
  assert_same(new, old)


def test_surviving_parameters_keep_moments_and_count_in_their_group():
  old = trained(optax.chain(optax.adam(1e-3)), DENSE)
  new, fresh = carry(old, groups().init(FACTORED))
  assert fresh == ['a/height', 'a/in', 'a/out', 'a/width']
  rest, factors = adam_of(new, 'rest'), adam_of(new, '0')
  assert int(rest.count) == 3 and int(factors.count) == 0
  for field in ('mu', 'nu'):
    was, now = getattr(old[0][0], field), getattr(rest, field)
    np.testing.assert_array_equal(now['a']['bias'], was['a']['bias'])
    np.testing.assert_array_equal(now['b']['kernel'], was['b']['kernel'])
    assert not any(np.any(x) for x in jax.tree.leaves(getattr(factors, field)))


def test_a_count_of_its_own_survives_with_its_parameter():
  """Also beside new parameters, for no group has to share a count."""
  own = lambda lr: adam(lr, counts='own')
  old = trained(own(1e-3), DENSE)
  for new in own(1e-3), groups(algorithm=own), groups(match='^none$',
                                                      algorithm=own):
    carried, fresh = carry(old, new.init(FACTORED))
    assert fresh == ['a/height', 'a/in', 'a/out', 'a/width']
    kept = [(jax.tree_util.keystr(path, simple=True, separator='/'), int(x))
            for path, x in jax.tree_util.tree_leaves_with_path(carried)
            if x.ndim == 0]
    counts = {name.partition('count/')[2]: n for name, n in kept}
    assert counts == {'a/bias': 3, 'b/kernel': 3, **dict.fromkeys(fresh, 0)}
    new.update(FACTORED, carried, FACTORED)


def test_the_next_step_of_a_survivor_is_as_if_nothing_had_happened():
  tx = optax.adam(1e-3)
  old = trained(tx, DENSE)
  new, _ = carry(old, groups().init(FACTORED))
  ones = lambda tree: jax.tree.map(jnp.ones_like, tree)
  expected, _ = tx.update(ones(DENSE), old, DENSE)
  update, _ = groups().update(ones(FACTORED), new, FACTORED)
  np.testing.assert_array_equal(update['b']['kernel'], expected['b']['kernel'])
  # Adam's first step is the learning rate, whatever the gradient.
  np.testing.assert_allclose(update['a']['in'], -1e-5, rtol=1e-4)


def test_a_group_that_mixes_old_and_new_starts_afresh():
  old = trained(optax.adam(1e-3), DENSE)
  new, fresh = carry(old, groups(match='^a/').init(FACTORED))
  assert 'a/bias' in fresh and 'b/kernel' not in fresh
  assert int(adam_of(new, '0').count) == 0
  assert not np.any(adam_of(new, '0').mu['a']['bias'])
  new, fresh = carry(old, optax.adam(1e-3).init(FACTORED))
  assert_same(new, optax.adam(1e-3).init(FACTORED))
  assert fresh == ['a/bias', 'a/height', 'a/in', 'a/out', 'a/width',
                   'b/kernel']


def test_momentum_needs_no_count_and_is_carried_one_by_one():
  tx = optax.sgd(1e-3, momentum=.9)
  old = trained(tx, DENSE)
  new, fresh = carry(old, tx.init(FACTORED))
  np.testing.assert_array_equal(new[0].trace['a']['bias'],
                                old[0].trace['a']['bias'])
  assert not np.any(new[0].trace['a']['in'])
  assert fresh == ['a/height', 'a/in', 'a/out', 'a/width']


def test_groups_are_carried_into_other_groups():
  first = trained(groups(), FACTORED)
  again, fresh = carry(first, groups().init(FACTORED))
  assert fresh == []
  assert_same(again, first)
  linear = {**FACTORED, 'b': {'in': jnp.ones((2, 1)), 'out': jnp.ones((1, 2))}}
  new, fresh = carry(first, groups(match='b/(in|out)$').init(linear))
  assert fresh == ['b/in', 'b/out']
  assert int(adam_of(new, 'rest').count) == 3


def test_a_schedule_begins_anew():
  tx = optax.adam(lambda count: 1e-3 / (1 + count))
  old = trained(tx, DENSE)
  new, _ = carry(old, tx.init(DENSE))
  assert int(old[1].count) == 3 and int(new[1].count) == 0
  assert int(new[0].count) == 3


def test_a_state_of_another_shape_or_kind_is_not_carried():
  old = trained(optax.adam(1e-3), DENSE)
  wider = jax.tree.map(lambda x: jnp.ones((*x.shape[:-1], 5)), DENSE)
  for tx, params in ((optax.adam(1e-3), wider),
                     (optax.sgd(1e-3, momentum=.9), DENSE)):
    new, fresh = carry(old, tx.init(params))
    assert_same(new, tx.init(params))
    assert len(fresh) == 3


def test_no_two_leaves_of_a_carried_state_share_a_buffer():
  old = trained(optax.adam(1e-3), DENSE)
  new, _ = carry(old, grouped(optax.adam, 1e-3, [
      {'match': '^a/', 'lr': 1e-5}]).init(DENSE))
  counts = [adam_of(new, name).count for name in ('0', 'rest')]
  assert [int(c) for c in counts] == [3, 3]
  assert (counts[0].unsafe_buffer_pointer()
          != counts[1].unsafe_buffer_pointer())
