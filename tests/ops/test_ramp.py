"""Ramps against the numbers of R3GAN on CIFAR-10 (batches of 512)."""
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.ops import ramp


@pytest.mark.parametrize('first, last, want', [
    (.9, .99, [.91318019, .945, .97681981]),
    (.05, .005, [.043409903, .0275, .0115900974]),
    (0., 5e6, [732_233.047, 2.5e6, 4_267_766.95]),
    (0., .55, [.080545635, .275, .469454364])])
def test_a_ramp_passes_through_the_published_values(first, last, want):
  at = jnp.float32([0., 5e6, 10e6, 15e6, 20e6, 250e6]) / 512
  values = jax.jit(jax.vmap(
      lambda step: ramp.cosine(step, 20e6 / 512, first, last)))(at)
  np.testing.assert_allclose(values, [first, *want, last, last], rtol=2e-6)
