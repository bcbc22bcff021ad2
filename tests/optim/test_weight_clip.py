"""Weights land in the box exactly, whatever float32 rounds."""
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jgan.errors import UserError
from jgan.optim import algorithms
from jgan.optim.weight_clip import weight_clip


def moves(limit, n=100_000):
  """Parameters and updates of all sizes around the limit."""
  rng = np.random.default_rng(0)
  p, u = (limit * rng.normal(size=(2, n)) * 10.**rng.integers(-4, 3, (2, n)))
  p[:n // 2] = np.clip(p[:n // 2], -limit, limit)  # as after the first step
  return jnp.float32(p), jnp.float32(u)


@pytest.mark.parametrize('limit', [.01, .05, 1.])
@pytest.mark.parametrize('wrap', [lambda f: f, jax.jit])
def test_no_weight_is_ever_beyond_the_limit(limit, wrap):
  p, u = moves(limit)
  tx = weight_clip(limit)

  def step(p, u):
    updates, _ = tx.update(u, tx.init(p), p)
    return updates, optax.apply_updates(p, updates)

  updates, landed = wrap(step)(p, u)
  bound = np.float32(limit)
  assert (np.abs(landed) <= bound).all()
  # Inside, nothing changes; at the limit, one rounding step of the update.
  target = np.clip(p + u, -bound, bound)
  inside = np.abs(p + u) <= bound
  np.testing.assert_array_equal(updates[inside], u[inside])
  assert (np.abs(landed - target) <= np.spacing(np.abs(updates))).all()
  assert (np.abs(p + (target - p)) > bound).any()  # plain clipping fails here


def test_no_weight_is_beyond_the_limit_after_a_compiled_chain():
  # Compiled together, p - lr * g may be rounded once instead of twice.
  p, u = moves(.05)
  tx = optax.chain(algorithms.sgd(.3), weight_clip(.05))

  @jax.jit
  def step(p, g):
    updates, _ = tx.update(g, tx.init(p), p)
    return optax.apply_updates(p, updates)

  assert (np.abs(step(p, u / .3)) <= np.float32(.05)).all()


def test_clipping_ends_a_chain_for_every_kind_of_parameter():
  params = {'conv': {'kernel': jnp.full((2, 2), .3)}, 'norm': jnp.ones(3)}
  tx = optax.chain(algorithms.rmsprop(5e-5), weight_clip(.05))
  grads = jax.tree.map(jnp.ones_like, params)
  updates, _ = tx.update(grads, tx.init(params), params)
  landed = optax.apply_updates(params, updates)
  for leaf in jax.tree.leaves(landed):
    np.testing.assert_allclose(leaf, .05, atol=1e-7)


@pytest.mark.parametrize('limit', [0., -1., float('nan')])
def test_a_box_without_room_is_refused(limit):
  with pytest.raises(UserError, match='must be positive'):
    weight_clip(limit)


def test_clipping_needs_the_parameters():
  tx = weight_clip(.1)
  with pytest.raises(ValueError, match='params'):
    tx.update(jnp.ones(2), tx.init(jnp.ones(2)))
