"""A value that moves from one number to another within some steps."""
import jax.numpy as jnp


def cosine(step, end, first, last):
  """Half a cosine wave from `first` at step 0 to `last` from step `end` on.

  Args:
    step: number of previous steps; may be traced.
    end: above 0.
    first, last: the two values.
  """
  left = .5 + .5 * jnp.cos(jnp.pi * jnp.minimum(step / end, 1.))
  return last + (first - last) * left
