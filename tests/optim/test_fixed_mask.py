"""Fixed masks and the ladder of lottery tickets."""
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jgan.errors import UserError
from jgan.models import sngan
from jgan.optim import magnitude, masked
from jgan.optim.fixed_mask import (
  fixed_mask,
  ladder,
  prunable,
  prune_globally,
  with_masks,
)

START = {'conv': {'kernel': jnp.float32([[[[5., -1., 3.]]]]),
                  'bias': jnp.float32([.1, .1, .1])},
         'linear': {'kernel': jnp.float32([[.1, .2]])},
         'rgb': {'kernel': jnp.float32([[[[-.5], [4.]]]])}}
MASKS = jax.tree.map(lambda w: jnp.abs(w) >= 1., START)


def _slope(t, w):
  return jnp.cos(t + w)


def train(tx, params, state, count=4):
  step = jax.jit(tx.update)
  for t in range(count):
    grads = jax.tree.map(functools.partial(_slope, t), START)
    updates, state = step(grads, state, params)
    params = optax.apply_updates(params, updates)
  assert step._cache_size() == 1
  return params, state


@pytest.mark.parametrize('inner', [optax.adam(.1, b1=.9), optax.sgd(.1),
                                   optax.adamw(.1, weight_decay=.5)])
def test_weights_outside_the_masks_stay_zero_and_the_others_train(inner):
  tx = fixed_mask(inner, MASKS)
  # Even the momentum of an unmasked past does not move them.
  past, state = train(inner, START, inner.init(START))
  state = tx.init(START)._replace(inner=state)
  params, state = train(tx, past, state)
  alive = jax.tree.map(lambda p: p != 0., params)
  jax.tree.map(np.testing.assert_array_equal, alive, MASKS)
  jax.tree.map(np.testing.assert_array_equal, state.masks, MASKS)


@pytest.mark.parametrize('masks', [MASKS, None])
def test_kept_weights_take_the_steps_of_the_plain_optimizer(masks):
  plain, _ = train(optax.adam(.1), START, optax.adam(.1).init(START))
  tx = fixed_mask(optax.adam(.1), masks)
  params, state = train(tx, START, tx.init(START))
  want = plain if masks is None else masked.zero(plain, masks)
  jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5),
               params, want)
  assert masked.phase_of(state) == masked.SPARSE
  np.testing.assert_allclose(masked.report(state)['density'],
                             1. if masks is None else 4 / 10)


def test_a_round_prunes_the_smallest_remaining_weights_of_all_convolutions():
  kept = lambda masks: [jax.tree.leaves(masks[k]['kernel'])[0].ravel().tolist()
                        for k in ('conv', 'rgb')]
  masks = magnitude.all_kept(START)
  masks = prune_globally(START, masks, kept=4)
  assert kept(masks) == [[True, True, True], [False, True]]
  masks = prune_globally(masked.zero(START, masks), masks, kept=2)
  assert kept(masks) == [[True, False, False], [False, True]]
  assert masks['linear']['kernel'].all() and masks['conv']['bias'].all()


def test_of_equal_weights_as_many_go_as_asked():
  params = {'kernel': jnp.ones((1, 1, 2, 5))}
  masks = prune_globally(params, magnitude.all_kept(params), kept=7)
  assert masks['kernel'].ravel().tolist() == [False] * 3 + [True] * 7


def by_numpy(weights, alive, kept):
  """Of flat arrays: the mask that a stable sort of what is alive gives."""
  alive, left = alive.copy(), np.flatnonzero(alive)
  order = np.argsort(np.abs(weights[left]), kind='stable')
  alive[left[order[:left.size - kept]]] = False
  return alive


def test_rounds_prune_what_a_sort_on_the_host_does():
  """With ties, zeros that live and large weights that do not."""
  rng = np.random.default_rng(0)
  draw = lambda *shape: (rng.integers(-4, 5, shape) / 4).astype(np.float32)
  params = {'a': {'kernel': draw(3, 3, 4, 5)},
            'b': {'kernel': draw(1, 1, 5, 8)}}
  flat = lambda tree: np.concatenate([np.ravel(x) for x in prunable(tree)])
  masks = jax.tree.map(lambda w: jnp.asarray(rng.random(w.shape) < .9), params)
  prune = jax.jit(prune_globally)
  for kept in (150, 120, 30):
    want = by_numpy(flat(params), flat(masks), kept)
    masks = prune(params, masks, kept=kept)
    np.testing.assert_array_equal(flat(masks), want)
    assert flat(masks).sum() == kept
  assert prune._cache_size() == 1  # how many are kept is traced


def test_the_ladder_of_sngan_is_that_of_the_papers_code():
  model = sngan.Generator(size=32, colors=3)
  shapes = jax.eval_shape(lambda: model.init(
      jax.random.key(0), jnp.zeros((1, 128)), True))['params']
  n = sum(s.size for s in prunable(shapes))
  found = ladder(n, rounds=10)
  assert found[:4] == (3_742_464, 2_993_971, 2_395_177, 1_916_142)
  np.testing.assert_allclose(np.array(found) / n, .8**np.arange(11), atol=1e-6)
  # The rounds of a target are the same but for the last, which is exact.
  found = ladder(n, rounds=3, target=.46)
  assert found == (3_742_464, 2_993_971, 2_395_177, n - round(.46 * n))
  assert ladder(n, rounds=3, target=.488)[-1] == n - round(.488 * n)


def test_masks_of_other_shapes_are_refused():
  wrong = MASKS | {'linear': {'kernel': jnp.ones(2, bool)}}
  with pytest.raises(UserError, match=r"'linear/kernel' has shape \(1, 2\) and "
                                      r'its mask \(2,\)'):
    fixed_mask(optax.sgd(.1), wrong).init(START)
  state = fixed_mask(optax.sgd(.1)).init(START)
  with pytest.raises(UserError, match="'rgb/kernel' .* its mask none"):
    with_masks(state, {k: v for k, v in MASKS.items() if k != 'rgb'})


@pytest.mark.parametrize('arguments, words', [
    ({'rounds': 0}, 'rounds=0'), ({'rounds': 1, 'rate': 1.}, 'rate=1.0'),
    ({'rounds': 1, 'target': 1.}, 'target=1.0'),
    ({'rounds': 2, 'target': .46}, 'in 3 rounds, not 2: rounds=3 would be'),
    ({'rounds': 4, 'target': .46}, 'in 3 rounds, not 4'),
    ({'rounds': 1, 'rate': .001}, r'of 100 weights .* keep \[100, 100\]'),
    ({'rounds': 2, 'rate': .999}, r'keep \[100, 0, 0\]')])
def test_a_ladder_without_rungs_is_refused(arguments, words):
  with pytest.raises(UserError, match=words):
    ladder(100, **arguments)
