"""Reductions over devices."""
import functools

import jax
import jax.numpy as jnp
import numpy as np

from jgan.ops import collectives


def over(function, *arguments):
  return jax.pmap(function, axis_name='d')(*arguments)


def test_without_an_axis_they_are_the_identity():
  x = jnp.arange(6.).reshape(3, 2)
  assert collectives.mean(x, None) is x and collectives.gather(x, None) is x
  assert collectives.size(None) == 1


def test_what_eight_devices_draw_is_what_one_draws():
  key = jax.random.key(0)
  whole = collectives.draw(jax.random.normal, key, (16, 3), None)
  parts = over(lambda _: collectives.draw(jax.random.normal, key, (2, 3), 'd'),
               jnp.zeros(8))
  np.testing.assert_array_equal(parts.reshape(16, 3), whole)


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
