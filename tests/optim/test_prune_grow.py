"""Prune-and-grow: its calendar, its masks, and the steps it takes."""
import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jgan import steps
from jgan.errors import UserError
from jgan.models import autogan, progan, sngan
from jgan.optim import magnitude, masked, schedules
from jgan.optim.fixed_mask import fixed_mask
from jgan.optim.masked import DENSE, SPARSE, WARMUP
from jgan.optim.prune_grow import calendar, prune_grow
from jgan.types import Network

SHORT = dict(ratio=.3, warmup=2, interval=3)  # 2 W, 3 S, 3 D, 3 S, ...
ADAM = dict(b1=0., b2=.9, eps=1e-8)


def tree(seed=0):
  """Six weights of several shapes, none of which are tied."""
  rng = np.random.default_rng(seed)
  shapes = {'conv': {'kernel': (3, 3, 4, 5), 'bias': (5,)},
            'linear': {'kernel': (6, 7)}, 'norm': {'scale': (16,)},
            'to_rgb': {'kernel': (1, 1, 4, 3)}, 'noise': ()}
  draw = lambda shape: jnp.float32(rng.normal(size=shape))
  return jax.tree.map(draw, shapes, is_leaf=lambda x: isinstance(x, tuple))


def small(seed=0):
  """Two of them: what is compiled for each tensor is what takes time."""
  return {k: tree(seed)[k] for k in ('linear', 'norm')}


def grads(count, make=tree):
  return [make(100 + i) for i in range(count)]


def stepper(tx):
  @jax.jit
  def step(params, state, grads):
    updates, state = tx.update(grads, state, params)
    return optax.apply_updates(params, updates), state
  return step


def walk(tx, count, make=tree):
  """Parameters and optimizer states before and after each of `count` steps."""
  step = stepper(tx)
  path = [(make(), tx.init(make()))]
  for g in grads(count, make):
    path.append(step(*path[-1], g))
  assert step._cache_size() == 1  # whatever the phase
  return path


def equal(a, b, **tolerance):
  check = (functools.partial(np.testing.assert_allclose, **tolerance)
           if tolerance else np.testing.assert_array_equal)
  jax.tree.map(check, a, b)


def pruned_counts(masks):
  return jax.tree.map(lambda m: int((~m).sum()), masks)


def phases(total, **kwargs):
  """[(first, last, phase)] of the steps 1 to total."""
  values = np.asarray(calendar(np.arange(total), **kwargs)[0])
  starts = [0, *np.flatnonzero(np.diff(values)) + 1, total]
  return [(a + 1, b, int(values[a])) for a, b in itertools.pairwise(starts)]


@pytest.mark.parametrize('total, first, interval, extra, want', [
    (1000, 200, 100, 0, [200, 300, 400, 500, 600, 700, 800, 900, 1000]),
    (12, 3, 2, 0, [3, 5, 7, 9, 11, 12]),
    (40_000, 10_000, 5000, 1,
     [10_000, 15_001, 20_001, 25_001, 30_001, 35_001, 40_000]),
    (20, 4, 3, 1, [4, 8, 11, 14, 17, 20]),
])
def test_the_calendar_is_that_of_the_papers_code(total, first, interval, extra,
                                                 want):
  found = phases(total, warmup=first, interval=interval, first_extra=extra)
  turns = [WARMUP, *[SPARSE, DENSE] * 9]
  assert found == [(a + 1, b, phase)
                   for a, b, phase in zip([0, *want], want, turns)]


def test_the_age_counts_from_zero_in_every_phase():
  phase, age = calendar(np.arange(40), warmup=4, interval=3, first_extra=1)
  begins = np.append(True, np.diff(phase) != 0)
  np.testing.assert_array_equal(
      age, np.arange(40) - np.maximum.accumulate(begins * np.arange(40)))


def test_without_a_warmup_the_first_step_is_sparse():
  assert phases(5, warmup=0, interval=2) == [(1, 2, SPARSE), (3, 4, DENSE),
                                             (5, 5, SPARSE)]


@pytest.mark.parametrize('ratio, total, singles', [
    (.1, 427_690, [26, 410, 692, 6554, 52_429, 58_983]),
    (.3, 1_283_027, [77, 1229, 2074, 19_661, 157_287, 176_947]),
    (.5, 2_138_369, None),
])
def test_as_many_weights_of_sngan_are_pruned_as_by_the_papers_code(
    ratio, total, singles):
  model = sngan.Generator(size=32, colors=3)
  shapes = jax.eval_shape(lambda: model.init(
      jax.random.key(0), jnp.zeros((1, 128)), True))['params']
  rng = np.random.default_rng(0)
  params = jax.tree.map(lambda s: rng.random(s.shape, np.float32) - .5, shapes)
  assert len(jax.tree.leaves(params)) == 36
  count = lambda w: int(magnitude.pruned(w.size, ratio))
  assert sum(count(w) for w in jax.tree.leaves(params)) == total
  # Sorting them all would take seconds.
  some = {k: v for k, v in params.items() if not k.startswith('block')}
  assert pruned_counts(magnitude.masks(some, ratio=ratio)) == jax.tree.map(
      count, some)
  sizes = [256, 4096, 6912, 65_536, 524_288, 589_824]
  for n, want in zip(sizes, singles or ()):
    assert magnitude.pruned(n, ratio) == want


@pytest.mark.parametrize('model, want', [
    (autogan.Generator(32, 3, genotype='A'), (440_538, 1_321_579)),
    (autogan.Generator(32, 3, genotype='B'), (447_118, 1_341_317)),
    (autogan.Generator(32, 3, genotype='C'), (440_642, 1_321_887)),
    (progan.Generator(32, 3), (2_307_959, 6_923_837))])
def test_as_many_weights_of_autogan_and_progan_are_pruned(model, want):
  shapes = jax.eval_shape(lambda: model.init(
      jax.random.key(0), jnp.zeros((1, model.latent)), True))['params']
  assert want == tuple(
      sum(int(magnitude.pruned(w.size, ratio)) for w in jax.tree.leaves(shapes))
      for ratio in (.1, .3))


def test_more_weights_than_float32_counts_are_counted():
  assert magnitude.pruned(2**25 + 1, .3) == np.ceil(.3 * 2**25)


@pytest.mark.parametrize('ratio', [0., .1, .25, .37, .5, .9])
@pytest.mark.parametrize('n', [1, 2, 3, 9, 101])
def test_what_is_below_the_interpolated_quantile_is_pruned(n, ratio):
  a = np.random.default_rng(n).permutation(np.arange(1., n + 1)) * (-1)**n
  traced = jax.jit(lambda w, r: magnitude.masks(w, ratio=r))
  for w in (a, np.ones(n), np.zeros(n), np.round(a / 3)):  # ties too
    want = np.abs(w) >= np.quantile(np.abs(w), ratio)
    equal(magnitude.masks(jnp.float32(w), ratio=ratio), want)
    equal(traced(jnp.float32(w), ratio), want)  # as of a schedule


def test_a_global_threshold_is_the_quantile_of_all_chosen_weights():
  params = jax.tree.map(lambda w: w, tree())
  params['linear']['kernel'] *= .01
  found = magnitude.masks(params, ratio=.2, threshold='global', skip='to_rgb')
  rest = {k: v for k, v in params.items() if k != 'to_rgb'}
  low = np.quantile(np.abs(np.concatenate(
      [np.ravel(w) for w in jax.tree.leaves(rest)])), .2)
  equal({k: found[k] for k in rest}, jax.tree.map(lambda w: np.abs(w) >= low,
                                                  rest))
  assert found['to_rgb']['kernel'].all()
  assert not found['linear']['kernel'].any()


@pytest.mark.parametrize('scope, skip, kept_whole', [
    ('all', '', ['noise']), ('all', 'to_rgb|scale$', ['noise', 'to_rgb/kernel',
                                                      'norm/scale']),
    ('kernels', '', ['noise', 'norm/scale', 'conv/bias']),
    ('convs', '^to_rgb', ['noise', 'norm/scale', 'conv/bias', 'to_rgb/kernel',
                          'linear/kernel']),
])
def test_scope_and_skip_say_what_may_be_pruned(scope, skip, kept_whole):
  masks = magnitude.masks(tree(), ratio=.3, scope=scope, skip=skip)
  whole = [jax.tree_util.keystr(path, simple=True, separator='/')
           for path, m in jax.tree_util.tree_leaves_with_path(masks) if m.all()]
  assert sorted(whole) == sorted(kept_whole)


def test_a_warmup_makes_the_updates_of_the_plain_optimizer_bit_for_bit():
  adam = optax.adam(.01, **ADAM)
  wrapped = prune_grow(adam, warmup=4, interval=2)
  s, t = adam.init(small()), wrapped.init(small())
  # Not compiled: XLA fuses the two in ways that round differently.
  for g in grads(4, small):
    u, s = adam.update(g, s, small())
    v, t = wrapped.update(g, t, small())
    equal((u, s), (v, t.inner))
    assert t.phase == WARMUP


def reference(total, *, lr, ratio, warmup, interval, b2, eps):
  """The paper's code in numpy: mask weights and gradients, then step Adam."""
  params = [np.float64(w) for w in jax.tree.leaves(tree())]
  v = [np.zeros_like(w) for w in params]
  path = [params]
  for t, g in enumerate(grads(total), 1):
    g = [np.float64(x) for x in jax.tree.leaves(g)]
    phase = int(calendar(t - 1, warmup=warmup, interval=interval)[0])
    if phase == SPARSE:  # masks anew at every step
      low = [np.quantile(np.abs(w), ratio) for w in params]
      keep = [np.abs(w) >= x for w, x in zip(params, low)]
      params, g = ([np.where(k, x, 0.) for k, x in zip(keep, xs)]
                   for xs in (params, g))
    rate = lr * (.1 if phase == DENSE else 1.)
    v = [b2 * a + (1 - b2) * x**2 for a, x in zip(v, g)]
    params = [w - rate * x / (np.sqrt(a / (1 - b2**t)) + eps)
              for w, a, x in zip(params, v, g)]
    path.append(params)
  return path


def test_the_steps_are_those_of_the_papers_code():
  want = reference(14, lr=.05, b2=.9, eps=1e-8, **SHORT)
  got = walk(prune_grow(optax.adam(.05, **ADAM), **SHORT), 14)
  for p, (q, _) in zip(want, got):
    equal(p, jax.tree.leaves(q), rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize('inner', [
    optax.adam(.05, **ADAM), optax.adam(.05, b1=.9, b2=.99),
    optax.chain(optax.clip_by_global_norm(10.), optax.sgd(.1, momentum=.9)),
    optax.adamw(.05, weight_decay=.1)])
def test_masked_weights_stay_exactly_zero_whatever_the_optimizer(inner):
  # Dense steps large enough that other weights are the smallest after them.
  path = walk(prune_grow(inner, grow_factor=10., **SHORT), 12)
  names = [int(s.phase) for _, s in path[1:]]
  assert names == [WARMUP] * 2 + [SPARSE] * 3 + [DENSE] * 3 + [SPARSE] * 3 + [
      DENSE]
  for (before, _), (p, s) in itertools.pairwise(path):
    if s.phase == SPARSE:
      equal(p, masked.zero(p, s.masks))
      alive = jax.tree.map(lambda q, p, m: bool(((q != p) | ~m).all()),
                           before, p, s.masks)
      assert jax.tree.all(alive)
  # Masks are those of the weights with which a phase begins, until the next.
  masks = [s.masks for _, s in path]
  first, second = (magnitude.masks(path[t][0], ratio=.3) for t in (2, 8))
  for t, want in {3: first, 5: first, 8: first, 9: second, 12: second}.items():
    equal(masks[t], want)
  assert any((a != b).any() for a, b in zip(*map(jax.tree.leaves,
                                                 (first, second))))
  # All have grown back after the first dense step.
  assert all((w != 0.).all() for w in jax.tree.leaves(path[6][0]))


def test_pruning_again_within_a_phase_changes_no_mask():
  once = walk(prune_grow(optax.adam(.05, **ADAM), **SHORT), 12)
  again = walk(prune_grow(optax.adam(.05, **ADAM), refresh=1, **SHORT), 12)
  equal(once[-1], again[-1])


def test_pruning_again_prunes_what_was_tied_when_the_phase_began():
  params = tree() | {'bias': jnp.zeros(11, jnp.float32)}
  counts = []
  for refresh in (0, 2):
    tx = prune_grow(optax.sgd(1.), refresh=refresh, warmup=0, interval=4,
                    ratio=.3)
    step, p, s = stepper(tx), params, tx.init(params)
    for _ in range(4):
      p, s = step(p, s, tree(7) | {'bias': jnp.arange(1., 12.)})
    counts.append(pruned_counts(s.masks)['bias'])
  assert counts == [0, 3]


@pytest.mark.parametrize('b1', [0., .5])
def test_the_first_dense_step_has_the_predicted_size(b1):
  # .1 * lr * (1 - b1) / sqrt(1 - b2): both moments have died of zeros.
  tx = prune_grow(optax.adam(.01, b1=b1, b2=.9), ratio=.5, warmup=20,
                  interval=200)
  params = {'w': jnp.float32(np.random.default_rng(0).normal(size=40))}
  step = jax.jit(tx.update)
  state, key = tx.init(params), jax.random.key(0)
  for t in range(221):
    before = params
    g = {'w': jax.random.normal(jax.random.fold_in(key, t), (40,))}
    updates, state = step(g, state, params)
    params = optax.apply_updates(params, updates)
  assert state.phase == DENSE
  grown = ~np.asarray(state.masks['w'])
  assert grown.sum() == 20 and not before['w'][grown].any()
  np.testing.assert_allclose(
      params['w'][grown],
      -.1 * .01 * (1 - b1) / np.sqrt(.1) * np.sign(g['w'][grown]), rtol=1e-3)


def test_dense_steps_are_a_tenth_of_the_optimizers():
  tx = prune_grow(optax.sgd(.5), **SHORT, grow_factor=.2)
  path = walk(tx, 8)
  want = jax.tree.map(lambda p, g: p - .1 * g, path[5][0], grads(8)[5])
  equal(path[6][0], want, rtol=1e-5, atol=1e-6)


def test_weights_can_grow_back_from_random_draws():
  rng = np.random.default_rng(0)
  params = {'a': jnp.float32(3. * rng.normal(size=4001)),
            'b': jnp.float32([1., 1., 1.])}

  def walk(seed):  # one of warm-up, two sparse steps, two dense ones
    tx = prune_grow(optax.sgd(1e-4), reinit=True, seed=seed, ratio=.5,
                    warmup=1, interval=2)
    step, p, s = stepper(tx), params, tx.init(params)
    for _ in range(5):
      p, s = step(p, s, jax.tree.map(jnp.ones_like, p))
      yield np.asarray(p['a'])

  _, _, sparse, grown, after = walk(0)
  kept = sparse != 0.
  assert kept.sum() == 2001
  np.testing.assert_allclose(grown[kept], sparse[kept], atol=1e-4)
  width = np.sqrt(np.mean(sparse[kept]**2))
  assert abs(np.std(grown[~kept]) / width - 1.) < .1
  assert abs(np.mean(grown[~kept])) < .1 * width
  np.testing.assert_allclose(after, grown, atol=1e-4)  # it happens once
  np.testing.assert_array_equal([*walk(0)][3], grown)
  assert ([*walk(1)][3][~kept] != grown[~kept]).all()


def test_a_schedule_sets_the_ratio_of_a_phase_at_its_beginning():
  ratio = schedules.cosine(.5, steps=9)
  path = walk(prune_grow(optax.sgd(.01), ratio=ratio, warmup=1, interval=2,
                         refresh=1), 9)
  for first in (1, 5):  # zero-based; each phase keeps its masks
    part = float(ratio(first))
    want = [np.ceil(part * (w.size - 1)) for w in jax.tree.leaves(tree())]
    for t in (first, first + 1):
      counts = pruned_counts(path[t + 1][1].masks)
      assert jax.tree.leaves(counts) == want


def test_eight_devices_have_the_masks_and_weights_of_one():
  tx = prune_grow(optax.adam(.05, **ADAM), reinit=True, **SHORT)
  net = Network(small(), {}, tx.init(small()))

  def step(net, scale, axis_name=None):
    # The mean of a linear loss: the gradient of every device is 1 * scale.
    loss = lambda p: (scale * sum(w.sum() for w in jax.tree.leaves(p)), None)
    return steps.descend(loss, net, tx, axis_name)[0]

  one = jax.jit(lambda net: step(net, 4.5))
  eight = jax.pmap(functools.partial(step, axis_name='batch'),
                   axis_name='batch', in_axes=(None, 0), out_axes=None)
  a = b = net
  for _ in range(6):
    a, b = one(a), eight(b, jnp.arange(1., 9.))
  assert a.opt.phase == DENSE
  equal(a, b, rtol=1e-6)
  for leaf in jax.tree.leaves(b):
    shards = [np.asarray(s.data) for s in leaf.addressable_shards]
    assert len(shards) == 8
    assert all(np.array_equal(shards[0], s) for s in shards)


def test_the_state_is_arrays_and_resumes():
  tx = prune_grow(optax.adam(.05, **ADAM), reinit=True, **SHORT)
  path = walk(tx, 9, small)
  p, s = jax.tree.map(lambda x: jnp.asarray(np.asarray(x)), path[4])
  step = stepper(tx)
  for g in grads(9, small)[4:]:
    p, s = step(p, s, g)
  equal((p, s), path[-1])


def test_masks_are_found_in_chains_and_groups():
  assert masked.masks_of(optax.adam(.1).init(tree())) is None
  assert masked.phase_of(optax.adam(.1).init(tree())) is None
  assert masked.report(optax.adam(.1).init(tree())) == {}
  label = lambda path, _: 'a' if path[0].key in ('conv', 'linear') else 'b'
  tx = optax.chain(optax.clip_by_global_norm(1.), optax.partition(
      {'a': prune_grow(optax.sgd(.1), ratio=.3, warmup=0, interval=1),
       'b': optax.sgd(.1)},
      functools.partial(jax.tree_util.tree_map_with_path, label)))
  path = walk(tx, 2)
  _, state = path[1]
  masks = masked.masks_of(state)
  assert masked.phase_of(state) == SPARSE
  assert pruned_counts(masks['conv']) == {'kernel': 54, 'bias': 2}
  other = masked.sparse(tree(5), state)  # an average, say
  equal(other['conv'], masked.zero(tree(5)['conv'], masks['conv']))
  equal(other['to_rgb'], tree(5)['to_rgb'])
  size = sum(w.size for w in jax.tree.leaves(
      [tree()['conv'], tree()['linear']]))
  np.testing.assert_allclose(masked.report(state)['density'],
                             1 - (54 + 2 + 13) / size, rtol=1e-6)
  # In the dense phase nothing is zeroed, and the masks are remembered.
  _, state = path[2]
  equal(masked.sparse(tree(5), state), tree(5))
  equal(masked.masks_of(state)['conv'], masks['conv'])
  np.testing.assert_allclose(list(masked.report(state).values()),
                             [DENSE, 1.])


def test_two_wrappers_do_not_hide_in_each_other():
  # A ticket inside prune-and-grow: what either masks is zero.
  mask = jax.tree.map(lambda w: w > 0, tree())
  tx = prune_grow(fixed_mask(optax.adam(.05), mask), ratio=.5, warmup=0,
                  interval=9)
  params, state = walk(tx, 1)[1]
  equal(params, masked.zero(masked.zero(params, mask), state.masks))


@pytest.mark.parametrize('wrong, words', [
    ({'ratio': 1.}, r'ratio=1.0 is not in \[0, 1\)'),
    ({'interval': 0}, 'interval=0 is below 1'),
    ({'warmup': -1}, 'warmup=-1 is below 0'),
    ({'first_extra': -1}, 'first_extra=-1 is below 0'),
    ({'refresh': -1}, 'refresh=-1 is below 0'),
    ({'grow_factor': 0.}, 'grow_factor=0.0 is not positive'),
    ({'scope': 'kernel'}, "no scope 'kernel' .* did you mean 'kernels'"),
    ({'threshold': 'tensors'}, "no threshold 'tensors' .* mean 'tensor'"),
    ({'skip': '('}, r"skip='\(' of pruning is no regular expression"),
    ({'scope': 'kernels', 'skip': 'kernel'}, 'finds no weight among 6'),
])
def test_what_could_not_be_meant_is_refused(wrong, words):
  with pytest.raises(UserError, match=words):
    prune_grow(optax.sgd(.1), **wrong).init(tree())
