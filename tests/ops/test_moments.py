"""Moments summed on the devices, batch by batch, against float64."""
import functools

import jax
import numpy as np
import pytest

from jgan.metrics import _frechet
from jgan.ops import moments

add = jax.jit(moments.add)


def features(seed, n=3000, d=32, mean=.3, shift=0.):
  """Like a network's: not negative, of a spectrum that decays."""
  rng = np.random.default_rng(0)
  mix = rng.normal(size=(d, d)) * np.arange(1, d + 1)[:, None]**-.7
  noise = np.random.default_rng(seed).normal(size=(n, d))
  return np.float32(np.maximum(noise @ mix + mean + shift, 0.))


def summed(x, size=250):
  """Mean and covariance of x in padded batches."""
  sums = jax.jit(functools.partial(moments.empty, x.shape[1]))()
  for i in range(0, len(x), size):
    batch = x[i:i + size]
    count = np.int32(len(batch))
    sums = add(sums, np.pad(batch, ((0, size - count), (0, 0)),
                            constant_values=7.), count)
  sums = jax.tree.map(np.asarray, sums)
  mean, scatter = moments.mean_and_scatter(sums)
  return sums, mean, scatter / (sums.count - 1)


@pytest.mark.parametrize('mean', [.3, 30., 3000.])
def test_the_distance_is_that_of_sums_in_float64(mean):
  """Also where raw squares would leave nothing of the variance."""
  real, fake = features(1), features(2, shift=.1) + np.float32(mean)
  real = _frechet.statistics(real + np.float32(mean))
  want = _frechet.distance(*real, *_frechet.statistics(fake))
  assert _frechet.distance(*real, *summed(fake)[1:]) == pytest.approx(
      want, rel=1e-6)


def test_moments_do_not_depend_on_the_batches():
  x = features(0, n=1003)
  want = x.mean(0, dtype=np.float64), np.cov(x, rowvar=False)
  for size in (17, 250, 1200):
    sums, *both = summed(x, size)
    assert sums.count == 1003 and sums.bad == 0
    for a, b in zip(both, want):
      np.testing.assert_allclose(a, b, rtol=2e-6, atol=2e-7)


def test_rows_that_are_not_finite_are_counted_apart():
  x = features(0, n=300)
  x[[3, 290], [0, 1]] = np.nan, np.inf
  sums, mean, _ = summed(x)
  assert (sums.count, sums.bad) == (298, 2) and np.isfinite(mean).all()
