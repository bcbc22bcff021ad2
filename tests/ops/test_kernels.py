"""Kernels and the distances they are of."""
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import lookup
from jgan.ops import kernels

RNG = np.random.default_rng(0)


def test_distances_are_those_of_every_pair():
  a, b = RNG.normal(size=(3, 5)), RNG.normal(size=(4, 5))
  want = [[((x - y)**2).sum() for y in b] for x in a]
  got = kernels.squared_distances(a, b)
  assert got.dtype == jnp.float32
  np.testing.assert_allclose(got, want, rtol=1e-6)


def test_equal_points_are_at_exactly_zero_however_far_from_the_origin():
  a = jnp.float32(1e3 * RNG.normal(size=(4, 16)))
  assert (jnp.diag(kernels.squared_distances(a, a)) == 0.).all()
  # A Gram matrix in float32 would have lost this distance altogether.
  near = a.at[:, 0].add(.125)
  np.testing.assert_allclose(jnp.diag(kernels.squared_distances(a, near)),
                             .125**2, rtol=1e-3)


def test_bfloat16_features_are_measured_in_float32():
  a = jnp.bfloat16([[1.], [256.]])
  assert kernels.squared_distances(a, a)[0, 1] == 255.**2


@pytest.mark.parametrize('name, one', [
    ('gaussian', lambda d2, s: np.exp(-d2 / (2 * s * s))),
    ('rational_quadratic', lambda d2, s: (1 + d2 / (2 * s))**-s),
])
def test_a_kernel_is_the_mean_of_its_scales(name, one):
  d2, scales = np.array([[0., .3], [2., 40.]]), (.5, 1., 3.)
  got = lookup.member('ops.kernels', name)(jnp.float32(d2), scales)
  np.testing.assert_allclose(got, np.mean([one(d2, s) for s in scales], 0),
                             rtol=1e-6)


@pytest.mark.parametrize('name', kernels.__all__)
def test_every_kernel_falls_from_one_towards_zero(name):
  kernel = lookup.member('ops.kernels', name)
  values = kernel(jnp.array([0., .1, 1., 10., 100.]), (.2, 1., 5.))
  assert values[0] == 1. and (values >= 0.).all()
  assert (jnp.diff(values) < 0.).all()


@pytest.mark.parametrize('name', kernels.__all__)
def test_every_kernel_has_finite_gradients_at_both_ends(name):
  kernel = lookup.member('ops.kernels', name)
  a = jnp.array([[0.], [0.], [1e6]])
  total = lambda x: kernel(kernels.squared_distances(x, x), (1.,)).sum()
  assert jnp.isfinite(jax.grad(total)(a)).all()


def test_the_rational_quadratic_nears_the_gaussian():
  d2 = jnp.array([.1, 1., 4.])
  np.testing.assert_allclose(kernels.rational_quadratic(d2, (1e6,)),
                             kernels.gaussian(d2), rtol=1e-5)
