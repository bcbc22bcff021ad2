"""Contracts of everything in jgan/augment that looks at all images."""
import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import lookup

KEY = jax.random.key(0)
NAMES = [name for name in lookup.names('augment')
         if hasattr(lookup.find('augment', name), 'apply')]


@functools.cache
def applied(name):
  """(rng, images) -> images at p = 1/2, compiled, and the same of 4 shards."""
  module = lookup.find('augment', name)
  memory = {'p': .5}

  def shards(rng, x):
    each = lambda x: module.apply(rng, x, memory, axis_name='shard')
    return jax.vmap(each, axis_name='shard')(x)

  return (jax.jit(lambda rng, x: module.apply(rng, x, memory)), jax.jit(shards))


def images(seed=0, colors=3):
  x = np.random.default_rng(seed).uniform(-1., 1., (8, 8, 8, colors))
  return jnp.float32(x)


def test_every_file_augments_all_images_or_replaces_real_ones():
  for name in lookup.names('augment'):
    module = lookup.find('augment', name)
    assert hasattr(module, 'apply') != hasattr(module, 'replace'), name
    # A probability that adapts comes with its rule.
    assert hasattr(module, 'start') == hasattr(module, 'update'), name


@pytest.mark.parametrize('name', NAMES)
def test_shape_and_type_stay_and_every_image_changes_in_its_own_way(name):
  x = jnp.tile(images()[:1], (8, 1, 1, 1))
  y = applied(name)[0](KEY, x)
  assert y.shape == x.shape and y.dtype == x.dtype
  assert jnp.isfinite(y).all()
  assert (y[1:] != y[:1]).any((1, 2, 3)).all()


@pytest.mark.parametrize('name', NAMES)
def test_the_key_decides(name):
  first, again, other = (applied(name)[0](key, images())
                         for key in (KEY, KEY, jax.random.key(1)))
  np.testing.assert_array_equal(first, again)
  assert (first != other).any()


@pytest.mark.parametrize('name', NAMES)
def test_four_shards_are_augmented_as_the_whole_batch_is(name):
  whole, shards = applied(name)
  got = shards(KEY, images().reshape(4, 2, 8, 8, 3))
  np.testing.assert_allclose(got.reshape(8, 8, 8, 3), whole(KEY, images()),
                             atol=2e-6)


@pytest.mark.parametrize('name', NAMES)
def test_the_gradient_is_that_of_finite_differences(name):
  """Exactly: what they do to an image is affine."""
  x, v, w = images(0), images(1), images(2)
  score = lambda x: jnp.vdot(w, applied(name)[0](KEY, x))
  slope = jnp.vdot(v, jax.jit(jax.grad(score))(x))
  np.testing.assert_allclose(slope, (score(x + v) - score(x - v)) / 2.,
                             rtol=1e-4, atol=1e-3)
  assert abs(slope) > .1


@pytest.mark.parametrize('name', lookup.names('augment'))
def test_every_key_of_the_config_has_a_default(name):
  module = lookup.find('augment', name)
  for function in ('apply', 'replace', 'start', 'update'):
    if hasattr(module, function):
      parameters = inspect.signature(getattr(module, function)).parameters
      for parameter in parameters.values():
        assert (parameter.kind != parameter.KEYWORD_ONLY
                or parameter.default is not parameter.empty), parameter
