"""Activations of a map, or of an octave's two (jgan/ops/octave.py)."""
import jax
import jax.numpy as jnp

from jgan.ops.octave import each

__all__ = ['leaky_relu', 'leaky_relu_tenth', 'relu', 'swish', 'tanh']

relu = each(jax.nn.relu)
swish = each(jax.nn.swish)
tanh = each(jnp.tanh)


@each
def leaky_relu(x, slope=.2):
  """x where it is positive, slope x where not; DCGAN's slope is .2."""
  return jnp.where(x > 0, x, slope * x)


def leaky_relu_tenth(x):
  """Leaky ReLU of slope .1, as in SN-GAN's convolutional networks."""
  return leaky_relu(x, .1)
