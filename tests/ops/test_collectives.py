"""Reductions over devices."""
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.random import threefry2x32_p

from jgan.ops import collectives, row_key


def over(function, *arguments):
  return jax.pmap(function, axis_name='d')(*arguments)


def test_without_an_axis_they_are_the_identity():
  x = jnp.arange(6.).reshape(3, 2)
  assert collectives.mean(x, None) is x and collectives.gather(x, None) is x
  assert collectives.size(None) == 1


@pytest.mark.parametrize('sampler', [
    jax.random.normal, lambda key, shape: jax.random.bernoulli(key, .3, shape),
    lambda key, shape: jax.random.randint(key, shape, -3, 9)])
def test_what_eight_devices_draw_is_what_one_draws(sampler):
  key = jax.random.key(0)
  whole = collectives.draw(sampler, key, (16, 3), None)
  parts = over(lambda _: collectives.draw(sampler, key, (2, 3), 'd'),
               jnp.zeros(8))
  np.testing.assert_array_equal(parts.reshape(16, 3), whole)


def test_a_device_draws_its_own_rows_only():
  draw = lambda _, shape: collectives.draw(jax.random.uniform,
                                           jax.random.key(0), shape, 'd')
  flops = lambda b: jax.pmap(functools.partial(draw, shape=(b, 64)),
                             axis_name='d').lower(
      jnp.zeros(8)).compile().cost_analysis()['flops']
  alone = jax.jit(lambda key: jax.random.uniform(key, (32, 64))).lower(
      jax.random.key(0)).compile().cost_analysis()['flops']
  assert flops(32) < 1.2 * alone


def test_rows_far_in_an_array_are_of_their_own_counters():
  """Those of a draw of more than 2^32 numbers, whose counters have a carry."""
  row, size = 1_048_522, 3 * 2**15 + 5
  key = row_key.at(jax.random.key(3), row)
  got = jax.random.bits(jax.random.split(key)[1], (2, size))
  counts = row * size + np.arange(2 * size, dtype=np.uint64)
  words = jax.random.key_data(jax.random.split(jax.random.key(3))[1])
  a, b = threefry2x32_p.bind(
      *(jnp.full(2 * size, word) for word in words),
      jnp.array(counts >> np.uint64(32), jnp.uint32),
      jnp.array(counts & np.uint64(2**32 - 1), jnp.uint32))
  assert counts[0] >> np.uint64(32) != counts[-1] >> np.uint64(32)
  np.testing.assert_array_equal(got.ravel(), a ^ b)


def test_gathered_rows_keep_the_global_order():
  x = jnp.arange(16.).reshape(8, 2)
  all_ = over(functools.partial(collectives.gather, axis_name='d'), x)
  np.testing.assert_array_equal(all_[5], x.ravel())


def test_the_mean_gradient_of_a_gathered_loss_is_that_of_the_whole_batch():
  """A loss that is no average: the variance of all outputs."""
  x = jax.random.normal(jax.random.key(0), (8, 2))

  def loss(w, x, axis_name=None):
    return jnp.var(collectives.gather(jnp.sin(w * x), axis_name))

  want = jax.grad(loss)(1.5, x.ravel())
  got = over(lambda x: collectives.mean(jax.grad(loss)(1.5, x, 'd'), 'd'), x)
  np.testing.assert_allclose(got, np.full(8, want), rtol=1e-5)
