"""Parameter groups: rates by name, states of their own."""
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jgan import build
from jgan import config as configs
from jgan.errors import UserError
from jgan.optim.groups import grouped

PARAMS = {'a': {'kernel': jnp.ones(2), 'bias': jnp.ones(1)}, 'b': jnp.ones(3)}


def one_step(tx):
  grads = jax.tree.map(jnp.ones_like, PARAMS)
  updates, state = tx.update(grads, tx.init(PARAMS), PARAMS)
  return updates, state


def test_each_group_has_its_learning_rate_and_the_first_match_wins():
  tx = grouped(optax.sgd, .1, ({'match': '^a/k', 'lr': .2},
                               {'match': '^a', 'lr': .3}))
  updates, _ = one_step(tx)
  np.testing.assert_allclose(updates['a']['kernel'], -.2)
  np.testing.assert_allclose(updates['a']['bias'], -.3)
  np.testing.assert_allclose(updates['b'], -.1)


def test_groups_of_one_rate_are_the_plain_optimizer():
  plain, _ = one_step(optax.adam(.1))
  split, _ = one_step(grouped(optax.adam, .1, ({'match': 'a', 'lr': .1},)))
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6),
               plain, split)


def test_a_config_sets_groups_and_clips_the_whole_gradient():
  c = configs.base()
  c.optimizer.gen.update({'name': 'sgd', 'lr': 1., 'clip_norm': 1.,
                          'groups': ({'match': 'kernel', 'lr': .5},)})
  updates, _ = one_step(build.optimizers(configs.complete(c)).gen)
  np.testing.assert_allclose(updates['b'], -1 / np.sqrt(6), rtol=1e-6)
  np.testing.assert_allclose(updates['a']['kernel'], -.5 / np.sqrt(6),
                             rtol=1e-6)


@pytest.mark.parametrize('group, words', [
    (1, 'group 0 of the optimizer is 1'),
    ({'match': 'a'}, "{'match': 'a'}: {'match': a pattern of names, 'lr'"),
    ({'match': '(', 'lr': 1.}, 'no regular expression'),
    ({'match': 7, 'lr': 1.}, 'no regular expression'),
    ({'match': 'a', 'lr': '1e-3'}, "lr='1e-3': a number of"),
    ({'match': 'a', 'lr': -1e-3}, 'lr=-0.001: a number of'),
])
def test_a_group_that_is_none_is_refused(group, words):
  with pytest.raises(UserError, match=words):
    grouped(optax.sgd, .1, (group,))
