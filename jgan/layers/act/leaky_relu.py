"""Leaky ReLU."""
import jax.numpy as jnp

from jgan.ops.octave import each


@each
def leaky_relu(x, slope=.2):
  """x where it is positive, slope x where not; DCGAN's slope is .2."""
  return jnp.where(x > 0, x, slope * x)
