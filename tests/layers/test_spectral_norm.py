"""Spectral normalisation against numpy's power iteration and its SVD."""
import jax
import jax.numpy as jnp
import numpy as np

from jgan.layers import conv, dense
from jgan.layers.spectral_norm import SpectralNorm

W = np.random.default_rng(0).normal(size=(3, 3, 4, 5)).astype(np.float32)
MATRIX = W.reshape(-1, 5).T.astype(np.float64)


def unit(x):
  return x / np.linalg.norm(x)


def start():
  return SpectralNorm().init(jax.random.key(0), W)


def forward(variables, w=W):
  out, changed = SpectralNorm().apply(variables, w, mutable=['spectral'])
  return out, changed


def test_vectors_start_with_length_one():
  spectral = start()['spectral']
  assert spectral['u'].shape == (5,) and spectral['v'].shape == (36,)
  for x in jax.tree.leaves(spectral):
    np.testing.assert_allclose(np.linalg.norm(x), 1, rtol=1e-5)


def test_each_training_forward_is_one_power_iteration():
  variables = start()
  u = np.array(variables['spectral']['u'], np.float64)
  for _ in range(3):
    out, variables = forward(variables)
    v = unit(MATRIX.T @ u)
    u = unit(MATRIX @ v)
    np.testing.assert_allclose(variables['spectral']['u'], u, atol=1e-5)
    np.testing.assert_allclose(variables['spectral']['v'], v, atol=1e-5)
    np.testing.assert_allclose(out, W / (u @ MATRIX @ v), rtol=1e-4, atol=1e-5)


def test_many_forwards_divide_by_the_largest_singular_value():
  variables = start()
  step = jax.jit(forward)
  for _ in range(200):
    out, variables = step(variables)
  np.testing.assert_allclose(
      out, W / np.linalg.svd(MATRIX, compute_uv=False)[0], rtol=1e-4)


def test_a_kernel_of_zeros_stays_one_and_is_normalised_once_it_grows_back():
  """As one that a global threshold pruned whole."""
  before, zeros = start(), np.zeros_like(W)
  out, after = forward(before, zeros)
  assert not out.any() and not SpectralNorm().apply(after, zeros).any()
  np.testing.assert_array_equal(after['spectral']['u'],
                                before['spectral']['u'])
  slope = jax.grad(lambda w: jnp.sum(forward(before, w)[0]))(zeros)
  np.testing.assert_array_equal(slope, np.ones_like(W))
  np.testing.assert_array_equal(forward(after)[0], forward(before)[0])


def test_a_forward_without_mutable_vectors_uses_them_as_they_are():
  variables = start()
  out = SpectralNorm().apply(variables, W)
  u, v = (np.array(variables['spectral'][k], np.float64) for k in 'uv')
  np.testing.assert_allclose(out, W / (u @ MATRIX @ v), rtol=1e-4)
  _, changed = SpectralNorm().apply(variables, W, mutable=['batch_stats'])
  assert not changed


def test_gradients_see_the_vectors_as_constants():
  variables = start()
  _, after = forward(variables)
  u, v = (np.array(after['spectral'][k], np.float64) for k in 'uv')
  c = np.random.default_rng(1).normal(size=W.shape)
  grad = jax.grad(lambda w: jnp.sum(forward(variables, w)[0] * c))(W)
  sigma = u @ MATRIX @ v
  outer = np.outer(u, v).T.reshape(W.shape)  # of sigma = u' W v
  expected = c / sigma - np.sum(c * W) / sigma**2 * outer
  np.testing.assert_allclose(grad, expected, rtol=1e-3, atol=1e-4)


def test_a_spectral_layer_is_its_plain_twin_with_the_kernel_divided():
  for maker, x in ((conv, np.ones((1, 4, 4, 3), np.float32)),
                   (dense, np.ones((2, 3), np.float32))):
    layer = maker.spectral(6)
    variables = layer.init(jax.random.key(0), x)
    out, after = layer.apply(variables, x, mutable=['spectral'])
    (vectors,) = after['spectral'].values()
    kernel = variables['params']['kernel']
    sigma = vectors['u'] @ np.reshape(kernel, (-1, 6)).T @ vectors['v']
    params = {**variables['params'], 'kernel': kernel / sigma}
    np.testing.assert_allclose(maker.plain(6).apply({'params': params}, x),
                               out, rtol=1e-4, atol=1e-5)
