"""Normalisations with a scale and a bias for each class, against numpy."""
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.layers import classes, initializer, norm
from jgan.ops.octave import Octave

RNG = np.random.default_rng(0)
MAPS = RNG.normal(2, 3, size=(4, 4, 4, 5)).astype(np.float32)
LABELS = np.array([2, 0, 2, 3])
KEY = jax.random.key(0)
BATCH = classes.ConditionalNorm(norm.batch, 4)


def tables(variables):
  """The same variables with drawn scales and biases."""
  draw = lambda x: RNG.normal(size=x.shape).astype(np.float32)
  return {**variables, 'params': jax.tree.map(draw, variables['params'])}


def rows(table, x):
  return table[LABELS].reshape(len(x), *(1,) * (x.ndim - 2), -1)


@pytest.mark.parametrize('x', [MAPS, MAPS[:, 0, 0]])
def test_an_image_has_the_scale_and_bias_of_its_class(x):
  state = tables(BATCH.init(KEY, x, True, LABELS))
  out, changed = BATCH.apply(state, x, True, LABELS, mutable=['batch_stats'])
  axes = tuple(range(x.ndim - 1))
  plain = (x - x.mean(axes)) / np.sqrt(x.var(axes) + 1e-5)
  params = state['params']
  assert params['scale'].shape == params['bias'].shape == (4, 5)
  np.testing.assert_allclose(
      out, plain * rows(params['scale'], x) + rows(params['bias'], x),
      rtol=1e-4, atol=1e-4)
  # The statistics are those of all classes together.
  np.testing.assert_allclose(changed['batch_stats']['mean'],
                             .1 * x.mean(axes), rtol=1e-4)


@pytest.mark.parametrize('name', ['batch', 'instance', 'layer', 'none'])
def test_at_first_it_is_the_normalisation_itself(name):
  plain = getattr(norm, name)
  layer = classes.ConditionalNorm(plain, 4)
  state = layer.init(KEY, MAPS, True, LABELS)
  for train in (True, False):
    run = functools.partial(
        layer.apply if train else layer.clone().apply, mutable=['batch_stats'])
    out, changed = run(state, MAPS, train, LABELS)
    want, stats = plain(affine=False).apply(state, MAPS, train,
                                            mutable=['batch_stats'])
    np.testing.assert_array_equal(out, want)
    jax.tree.map(np.testing.assert_array_equal, changed, stats)


def test_classes_differ_at_first_as_much_as_asked():
  x = np.zeros((1, 2000), np.float32)
  make = lambda **fields: classes.ConditionalNorm(
      norm.batch, 5, initializer=initializer.xavier(), **fields).init(
          KEY, x, True, np.zeros(1, int))['params']
  params = make(spread=.02)
  for name, mean in (('scale', 1.), ('bias', 0.)):
    assert params[name].mean() == pytest.approx(mean, abs=1e-3)
    assert params[name].std() == pytest.approx(.02, rel=.03)
    np.testing.assert_array_equal(make()[name], np.full((5, 2000), mean))
  assert abs(np.corrcoef(params['scale'].ravel(),
                         params['bias'].ravel())[0, 1]) < .05


def test_only_rows_of_labels_that_are_there_learn():
  state = tables(BATCH.init(KEY, MAPS, True, LABELS))

  def loss(params):
    out, _ = BATCH.apply({**state, 'params': params}, MAPS, True, LABELS,
                         mutable=['batch_stats'])
    return jnp.sin(out).sum()

  slope = jax.grad(loss)(state['params'])
  for table in slope.values():
    np.testing.assert_array_equal(np.any(table, 1), [True, False, True, True])


def test_the_maps_of_an_octave_have_tables_each():
  x = Octave(MAPS, MAPS[:, ::2, ::2, :3])
  state = tables(BATCH.init(KEY, x, True, LABELS))
  shapes = jax.tree.map(np.shape, state)
  assert shapes['params'] == {'high': {'scale': (4, 5), 'bias': (4, 5)},
                              'low': {'scale': (4, 3), 'bias': (4, 3)}}
  assert shapes['batch_stats'] == {'high': {'mean': (5,), 'var': (5,)},
                                   'low': {'mean': (3,), 'var': (3,)}}
  out = BATCH.apply(state, x, False, LABELS)
  for part in ('high', 'low'):
    own = {name: tree[part] for name, tree in state.items()}
    np.testing.assert_array_equal(
        getattr(out, part),
        BATCH.apply(own, getattr(x, part), False, LABELS))


def test_in_bfloat16_only_the_result_is_rounded():
  exact = classes.ConditionalNorm(norm.batch, 4)
  state = tables(exact.init(KEY, MAPS, True, LABELS))
  rough = exact.clone(dtype=jnp.bfloat16)
  out = rough.apply(state, MAPS, False, LABELS)
  assert out.dtype == jnp.bfloat16
  np.testing.assert_array_equal(
      out, exact.apply(state, MAPS, False, LABELS).astype(jnp.bfloat16))


def test_shards_are_normalised_as_the_batch():
  shards = classes.ConditionalNorm(functools.partial(norm.batch, axis_name='d'),
                                   4)
  state = tables(BATCH.init(KEY, MAPS, True, LABELS))
  want, changed = BATCH.apply(state, MAPS, True, LABELS,
                              mutable=['batch_stats'])
  out, stats = jax.vmap(
      lambda x, labels: shards.apply(state, x, True, labels,
                                     mutable=['batch_stats']),
      axis_name='d')(MAPS.reshape(2, 2, 4, 4, 5), LABELS.reshape(2, 2))
  np.testing.assert_allclose(out.reshape(want.shape), want, atol=1e-5)
  for a, b in zip(jax.tree.leaves(stats), jax.tree.leaves(changed)):
    np.testing.assert_allclose(a[1], b, rtol=1e-5)
