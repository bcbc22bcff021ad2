"""Normalisations against numpy, with PyTorch's conventions as the oracle."""
import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import lookup
from jgan.errors import UserError
from jgan.layers import initializer, norm

RNG = np.random.default_rng(0)
MAPS = RNG.normal(2, 3, size=(4, 3, 3, 5)).astype(np.float32)


def by_hand(x, axes, eps=1e-5):
  mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
  return (x - mean) / np.sqrt(var + eps)


def variables(layer, x):
  return layer.init(jax.random.key(0), x, True)


@pytest.mark.parametrize('x', [MAPS, MAPS[:, 0, 0]])
def test_batch_norm_moves_its_statistics_as_torch_does(x):
  layer, axes = norm.batch(), tuple(range(x.ndim - 1))
  state = variables(layer, x)
  mean, var = np.zeros(5), np.ones(5)
  for scale in (1, 2):
    out, changed = layer.apply(state, scale * x, True, mutable=['batch_stats'])
    state = {**state, **changed}
    # nn.BatchNorm2d: momentum .1 of the new batch, unbiased variance.
    mean = .9 * mean + .1 * (scale * x).mean(axes)
    var = .9 * var + .1 * (scale * x).var(axes, ddof=1)
    np.testing.assert_allclose(out, by_hand(scale * x, axes), atol=1e-4)
    np.testing.assert_allclose(state['batch_stats']['mean'], mean, rtol=1e-4)
    np.testing.assert_allclose(state['batch_stats']['var'], var, rtol=1e-4)
  np.testing.assert_allclose(layer.apply(state, x, False),
                             (x - mean) / np.sqrt(var + 1e-5), rtol=1e-3,
                             atol=1e-4)


def test_batch_norm_of_shards_is_batch_norm_of_the_batch():
  whole, shards = norm.batch(), norm.batch(axis_name='d')
  state = variables(shards, MAPS)  # no axis is bound here, nor in evaluation
  train = functools.partial(whole.apply, mutable=['batch_stats'])
  out, changed = train(state, MAPS, True)
  part, part_changed = jax.vmap(
      lambda x: shards.apply(state, x, True, mutable=['batch_stats']),
      axis_name='d')(MAPS.reshape(2, 2, 3, 3, 5))
  np.testing.assert_allclose(part.reshape(out.shape), out, atol=1e-5)
  for a, b in zip(jax.tree.leaves(part_changed), jax.tree.leaves(changed)):
    np.testing.assert_allclose(a[0], b, rtol=1e-5)
    np.testing.assert_array_equal(a[0], a[1])
  assert shards.apply(state, MAPS, False).shape == MAPS.shape


def test_batch_norm_of_devices_takes_one_reduction_in_each_direction():
  """And the variance of a constant channel is 0, whatever is rounded, and that
  of a channel far from 0 is right where the running mean is as far.
  """
  shards = norm.batch(axis_name='d')
  state = norm.batch().init(jax.random.key(0), MAPS, True)
  state['batch_stats']['mean'] = jnp.zeros(5).at[1].set(999.)

  def loss(x):
    out, changed = shards.apply(state, x, True, mutable=['batch_stats'])
    return jnp.sin(out).sum(), changed

  x = jnp.stack([n * MAPS for n in range(8)]).at[..., 0].set(123.4)
  x = x.at[..., 1].add(1000.)
  call = jax.pmap(jax.grad(loss, has_aux=True), axis_name='d').lower(
      x).compile()
  assert len(re.findall(r'all-reduce(-start)?\(', call.as_text())) == 2
  slope, changed = call(x)
  assert np.isfinite(slope).all()
  found = changed['batch_stats']['var'][3]
  np.testing.assert_allclose(found[0], .9, 1e-5)
  np.testing.assert_allclose(found[1], .9 + .1 * np.var(
      np.float64(x[..., 1]), ddof=1), 1e-4)


def test_local_batch_norm_normalises_the_rows_of_each_device():
  layer, alone = norm.local_batch(axis_name='d'), norm.batch()
  state, parts = variables(layer, MAPS), MAPS.reshape(2, 2, 3, 3, 5)
  train = lambda layer: lambda x: layer.apply(state, x, True,
                                              mutable=['batch_stats'])
  out, changed = jax.vmap(train(layer), axis_name='d')(parts)
  want, moved = jax.vmap(train(alone))(parts)
  np.testing.assert_allclose(out, want, atol=1e-5)
  for a, b in zip(jax.tree.leaves(changed), jax.tree.leaves(moved)):
    np.testing.assert_allclose(a, np.stack(2 * [b.mean(0)]), rtol=1e-5)
  mesh = jax.sharding.Mesh(jax.devices(), ('batch',))
  with jax.set_mesh(mesh), pytest.raises(
      UserError, match="'local_batch' and config.parallel='jit'"):
    jax.eval_shape(train(norm.local_batch()), MAPS)


def test_batch_norm_with_fixed_statistics_still_normalises_by_the_batch():
  layer = norm.batch()
  np.testing.assert_allclose(layer.apply(variables(layer, MAPS), MAPS, True),
                             by_hand(MAPS, (0, 1, 2)), atol=1e-4)


def test_batch_norm_keeps_float32_statistics_of_bfloat16_maps():
  layer = norm.batch(dtype=jnp.bfloat16)
  # 1000 +- 1 is beyond bfloat16's 8 bits: only its input is rounded here.
  x = jnp.asarray(1000 + 8 * MAPS, jnp.bfloat16)
  out, changed = layer.apply(variables(layer, x), x, True,
                             mutable=['batch_stats'])
  assert out.dtype == jnp.bfloat16
  exact = np.asarray(x, np.float64)
  np.testing.assert_allclose(changed['batch_stats']['mean'],
                             .1 * exact.mean((0, 1, 2)), rtol=1e-6)
  np.testing.assert_allclose(changed['batch_stats']['var'],
                             .9 + .1 * exact.var((0, 1, 2), ddof=1), rtol=1e-4)


@pytest.mark.parametrize('name, axes, x', [
    ('layer', (1, 2, 3), MAPS), ('layer', (1,), MAPS[:, 0, 0]),
    ('instance', (1, 2), MAPS)])
def test_norms_of_single_images_standardise_over_their_axes(name, axes, x):
  layer = lookup.member('layers.norm', name)()
  scale, bias = RNG.normal(size=(2, 5)).astype(np.float32)
  assert jax.tree.map(jnp.shape, variables(layer, x)) == {
      'params': {'scale': (5,), 'bias': (5,)}}
  out = layer.apply({'params': {'scale': scale, 'bias': bias}}, x, True)
  np.testing.assert_allclose(out, by_hand(x, axes) * scale + bias, atol=1e-4)


def test_instance_norm_refuses_vectors():
  with pytest.raises(UserError, match='2 axes'):
    variables(norm.instance(), MAPS[:, 0, 0])


def test_none_is_the_identity_without_parameters():
  assert not variables(norm.none(), MAPS)
  np.testing.assert_array_equal(norm.none().apply({}, MAPS, True), MAPS)


def test_the_layer_before_a_norm_without_a_bias_wants_one():
  chain = lookup.member('layers.norm', 'chain')
  for without in (norm.none, functools.partial(chain, dtype=jnp.bfloat16)):
    assert norm.wants_bias(without)
  assert not norm.wants_bias(norm.batch)
  assert not norm.wants_bias(functools.partial(norm.layer, eps=1e-3))


@pytest.mark.parametrize('name', lookup.members('layers.norm'))
def test_every_norm_takes_the_same_fields(name):
  layer = lookup.member('layers.norm', name)(
      eps=1e-3, affine=False, initializer=initializer.normal(),
      dtype=jnp.bfloat16, axis_name='d')
  assert 'params' not in jax.eval_shape(
      lambda: layer.init(jax.random.key(0), MAPS, True))
