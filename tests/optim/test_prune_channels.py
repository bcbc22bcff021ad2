"""Channel-wise prune-and-grow: which channels go, stay away, and come back."""
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jgan.errors import UserError
from jgan.models import dcgan
from jgan.ops.channels import Group
from jgan.optim import channels, magnitude, masked, pruning
from jgan.optim.masked import DENSE, SPARSE, WARMUP

CHAIN = [Group(('a',), ('n',), ('b',)), Group(('b', 'c'), (), ('d',))]


def chain(seed=0):
  """b takes what a makes; with c it makes what d takes."""
  rng = np.random.default_rng(seed)
  conv = lambda *shape: {'kernel': jnp.float32(rng.normal(size=shape)),
                         'bias': jnp.float32(rng.normal(size=shape[-1:]))}
  return {'a': conv(3, 3, 2, 7), 'n': {'scale': jnp.ones(7)},
          'b': conv(3, 3, 7, 5), 'c': conv(1, 1, 2, 5), 'd': conv(3, 3, 5, 1)}


def pruned_channels(kernel_mask):
  """Which inputs of a kernel are masked; each is as a whole or not at all."""
  gone = ~np.asarray(kernel_mask).any((0, 1, 3))
  np.testing.assert_array_equal(~kernel_mask, np.broadcast_to(
      gone[:, None], kernel_mask.shape))
  return gone


@pytest.mark.parametrize('ratio', [0., .1, .3, .5, .9])
def test_the_weakest_filters_of_each_group_go(ratio):
  params = chain()
  found = channels.masks(params, CHAIN, ratio=ratio)
  l1 = lambda name: np.abs(params[name]['kernel']).sum((0, 1, 2))
  for taker, score in (('b', l1('a')), ('d', l1('b') + l1('c'))):
    gone = pruned_channels(found[taker]['kernel'])
    count = int(np.ceil(ratio * (len(score) - 1)))
    assert gone.sum() == count == magnitude.pruned(len(score), ratio)
    np.testing.assert_array_equal(np.flatnonzero(gone),
                                  np.sort(np.argsort(score)[:count]))
  rest = {k: v for k, v in found.items() if k not in ('b', 'd')}
  assert all(m.all() for m in jax.tree.leaves(
      [rest, found['b']['bias'], found['d']['bias']]))


def test_a_group_can_be_left_out():
  found = channels.masks(chain(), CHAIN, ratio=.5, skip='^a$')
  assert found['b']['kernel'].all() and not found['d']['kernel'].all()
  with pytest.raises(UserError, match='finds no weight among 2'):
    channels.masks(chain(), CHAIN, ratio=.5, skip='.')


@functools.cache
def walk(count=9):
  """A generator trained on a random target: [(params, opt state, grads)]."""
  model = dcgan.Generator(size=32, colors=3, latent=2, width=4)
  z = jnp.float32([[1., -1.], [.5, 2.]])
  like = jax.eval_shape(lambda: model.init(jax.random.key(0), z, True))
  rng = np.random.default_rng(0)
  params = jax.tree.map(lambda x: jnp.float32(rng.normal(0, .2, x.shape)),
                        like['params'])
  for i in range(3):  # so that no channel is off for both images
    params[f'norm_{i}'] = {
        name: jnp.full_like(x, value) for (name, x), value in zip(
            sorted(params[f'norm_{i}'].items()), (0., 1.))}
  stats = jax.tree.map(lambda x: jnp.ones(x.shape), like['batch_stats'])
  tx = pruning.prune_grow_channels(
      optax.adam(.01, b1=.5, b2=.9), steps=count, updates_per_step=1, seed=0,
      channels=model.channels, ratio=.5, warmup=1, interval=3)
  target = jnp.float32(rng.uniform(-1, 1, (2, 32, 32, 3)))

  def loss(params):
    x, _ = model.apply({'params': params, 'batch_stats': stats}, z, True,
                       mutable=['batch_stats'])
    return jnp.mean((x - target)**2)

  @jax.jit
  def step(params, state):
    grads = jax.grad(loss)(params)
    updates, state = tx.update(grads, state, params)
    return optax.apply_updates(params, updates), state, grads

  path = [(params, tx.init(params), None)]
  for _ in range(count):
    path.append(step(*path[-1][:2]))
  assert step._cache_size() == 1  # whatever the phase
  return jax.device_get(path)


def test_pruned_channels_are_exactly_zero_through_a_sparse_phase():
  path = walk()
  assert [int(s.phase) for _, s, _ in path[1:]] == [
      WARMUP, *[SPARSE] * 3, *[DENSE] * 3, *[SPARSE] * 2]
  for params, state, _ in path[2:]:
    for taker, count in (('conv_2', 4), ('to_rgb', 2)):  # ceil(.5 (n - 1))
      gone = pruned_channels(state.masks[taker]['kernel'])
      assert gone.sum() == count
      w = params[taker]['kernel']
      assert w[:, :, ~gone].all()
      assert w[:, :, gone].any() == (state.phase == DENSE)
  total = sum(x.size for x in jax.tree.leaves(path[0][0]))
  np.testing.assert_allclose(masked.report(path[3][1])['density'],
                             1 - 9 * (4 * 4 + 2 * 3) / total, rtol=1e-6)


def test_what_makes_a_pruned_channel_rests_and_then_learns_again():
  path = walk()
  gone, other = (pruned_channels(path[4][1].masks[taker]['kernel'])
                 for taker in ('conv_2', 'to_rgb'))
  filters = lambda t: path[t][0]['conv_1']['kernel'][..., gone]
  for t in (3, 4, 5):  # gradients of parameters that were sparse already
    grads = path[t][2]
    assert not grads['conv_1']['kernel'][..., gone].any()
    assert not grads['norm_1']['scale'][gone].any()
  # The kernel that takes it grows from zero, and then its filter moves.
  takes = lambda tree: tree['conv_2']['kernel'][:, :, gone][..., ~other]
  assert takes(path[5][2]).all() and takes(path[5][0]).all()
  assert path[6][2]['conv_1']['kernel'][..., gone].any((0, 1, 2)).all()
  assert (filters(7) != filters(5)).any((0, 1, 2)).all()


def test_a_discriminator_is_refused():
  with pytest.raises(UserError, match="there 'prune_grow' would be right"):
    pruning.prune_grow_channels(optax.sgd(.1), steps=9, updates_per_step=1,
                                seed=0, channels=None)
