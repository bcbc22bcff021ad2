"""RigL: how many weights are dropped and grow, and which."""
import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jgan import steps
from jgan.errors import UserError
from jgan.optim import masked
from jgan.optim.masked import SPARSE, WARMUP
from jgan.optim.rigl import fraction, move, rigl
from jgan.types import Network

SHORT = dict(density=.4, drop=.6, warmup=2, interval=3, until=10)

KEPT = {'conv': 1 + 71, 'dense': 1 + 16}  # 1 + floor(.4 (n - 1)) of 180 and 42


def tree(seed=0):
  rng = np.random.default_rng(seed)
  draw = lambda *shape: jnp.float32(rng.normal(size=shape))
  return {'conv': {'kernel': draw(3, 3, 4, 5), 'bias': draw(5)},
          'dense': {'kernel': draw(6, 7)}}


def stepper(tx):
  @jax.jit
  def step(params, state, grads):
    updates, state = tx.update(grads, state, params)
    return optax.apply_updates(params, updates), state
  return step


def grads(t):
  return tree(100 + t)


@functools.cache
def walk(count=14, **changes):
  """Parameters and optimizer states before and after each update."""
  tx = rigl(optax.adam(.05, b1=0., b2=.9), **SHORT | changes)
  step = stepper(tx)
  path = [(tree(), tx.init(tree()))]
  for t in range(count):
    path.append(step(*path[-1], grads(t)))
  assert step._cache_size() == 1  # whatever is due
  return path


def equal(a, b):
  jax.tree.map(np.testing.assert_array_equal, a, b)


def kernels(tree):
  return {name: np.asarray(tree[name]['kernel']) for name in KEPT}


@pytest.mark.parametrize('start', ['random', 'magnitude'])
def test_the_density_is_the_same_at_every_update_after_the_warmup(start):
  path = walk(start=start)
  for t, (params, state) in enumerate(path[1:]):
    assert state.phase == (WARMUP if t < 2 else SPARSE)
    for name, mask in kernels(state.masks).items():
      assert mask.sum() == (mask.size if t < 2 else KEPT[name])
    assert state.masks['conv']['bias'].all()  # no kernel
    if t >= 2:
      equal(params, masked.zero(params, state.masks))
      np.testing.assert_allclose(masked.report(state)['density'],
                                 (72 + 17 + 5) / (180 + 42 + 5), rtol=1e-6)


def test_at_a_move_the_smallest_are_dropped_and_the_largest_gradients_grow():
  moved = []
  for t, ((before, old), (_, new)) in enumerate(
      itertools.pairwise(walk())):
    if t < 3:  # in its warm-up, or its first masks
      continue
    for name, was in kernels(old.masks).items():
      now = kernels(new.masks)[name]
      if (was == now).all():
        continue
      moved.append(t)
      count = int(.6 / 2 * (1 + np.cos(np.pi * (t - 2) / 10)) * KEPT[name])
      w, g = (np.abs(kernels(x)[name].ravel()) for x in (before, grads(t)))
      kept, others = (np.flatnonzero(x) for x in (was, ~was))
      dropped = kept[np.argsort(w[kept])[:count]]
      grown = others[np.argsort(-g[others])[:count]]
      want = was.copy().ravel()
      want[dropped], want[grown] = False, True
      np.testing.assert_array_equal(now.ravel(), want)
      assert not w[grown].any()  # they start from zero
  # Of the 17 weights of one tensor, the last move exchanges none.
  assert sorted(moved) == [5, 5, 8, 8, 11]


def test_a_weight_that_was_always_masked_grows_without_moments():
  path = walk(4, warmup=0)
  for name, grown in kernels(path[4][1].masks).items():
    fresh = grown & ~kernels(path[3][1].masks)[name]
    assert fresh.any()
    # Adam with a first moment of g and a second of .1 g^2, bias-corrected.
    want = .05 * np.sqrt((1 - .9**4) / .1)
    moved = np.abs(kernels(path[4][0])[name][fresh])
    np.testing.assert_allclose(moved, want, rtol=1e-4)


def test_the_part_that_is_exchanged_falls_along_half_a_cosine():
  ages = np.arange(0, 13)
  want = [.15 * (1 + np.cos(np.pi * t / 10)) if t < 10 else 0. for t in ages]
  np.testing.assert_allclose(fraction(ages, drop=.3, until=10), want,
                             atol=1e-7)
  assert fraction(5, drop=.4, until=10) == pytest.approx(.2)


def test_no_more_are_exchanged_than_there_are_and_ties_are_broken():
  full = np.arange(5) < 4  # four kept, one other
  found = move(jnp.zeros(5), jnp.zeros(5), jnp.asarray(full), 1.)
  np.testing.assert_array_equal(found, [1, 1, 1, 0, 1])
  none = move(jnp.zeros(5), jnp.zeros(5), jnp.asarray(full), .2)
  np.testing.assert_array_equal(none, full)  # floor(.8) is none


def test_first_masks_are_random_by_seed_or_keep_the_largest():
  masks = lambda **changes: kernels(walk(3, **changes)[3][1].masks)
  first, other = masks(), masks(seed=1)
  assert all((first[k] != other[k]).any() for k in KEPT)
  largest = masks(start='magnitude')
  for name, w in kernels(walk(3, start='magnitude')[2][0]).items():
    low = np.sort(np.abs(w).ravel())[-KEPT[name]]
    np.testing.assert_array_equal(largest[name], np.abs(w) >= low)


def test_a_restored_state_goes_on_with_the_same_bits():
  path = walk()
  step = stepper(rigl(optax.adam(.05, b1=0., b2=.9), **SHORT))
  p, s = jax.tree.map(lambda x: jnp.asarray(np.asarray(x)), path[4])
  for t in range(4, 14):
    p, s = step(p, s, grads(t))
  equal((p, s), path[-1])


def test_devices_agree_on_the_masks():
  tx = rigl(optax.sgd(.1), density=.5, interval=1, until=9)
  net = Network({'kernel': tree()['dense']['kernel']}, {}, ())
  net = net.replace(opt=tx.init(net.params))
  slopes = tree(9)['dense']['kernel']

  def step(net, scale, axis_name=None):
    loss = lambda p: (scale * jnp.sum(slopes * p['kernel']), None)
    return steps.descend(loss, net, tx, axis_name)[0]

  one = jax.jit(lambda net: step(net, 1.5))
  two = jax.pmap(functools.partial(step, axis_name='batch'),
                 axis_name='batch', in_axes=(None, 0), out_axes=None)
  a = b = net
  for _ in range(3):
    a, b = one(a), two(b, jnp.array([1., 2.]))
  equal(a.opt.masks, b.opt.masks)
  shards = [np.asarray(x.data)
            for x in b.opt.masks['kernel'].addressable_shards]
  assert len(shards) == 2
  np.testing.assert_array_equal(*shards)


@pytest.mark.parametrize('wrong, words', [
    ({'density': 1.}, r'density=1.0 is not in \(0, 1\)'),
    ({'drop': 1.5}, r'drop=1.5 is not in \[0, 1\]'),
    ({'start': 'randon'}, "no start 'randon': did you mean 'random'"),
    ({'interval': 0}, 'interval=0 is below 1'),
    ({'until': 0}, 'until=0 is below 1'),
    ({'warmup': -1}, 'warmup=-1 is below 0'),
    ({'scope': 'kernel'}, "no scope 'kernel'"),
    ({'skip': 'kernel'}, 'finds no weight'),
])
def test_what_could_not_be_meant_is_refused_by_rigl(wrong, words):
  with pytest.raises(UserError, match=words):
    rigl(optax.sgd(.1), **wrong).init(tree())
