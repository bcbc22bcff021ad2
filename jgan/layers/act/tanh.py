"""The hyperbolic tangent."""
import jax.numpy as jnp

from jgan.ops.octave import each

tanh = each(jnp.tanh)
