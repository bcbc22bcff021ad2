"""A loop over the rows of a batch of inputs, with or without a loop in XLA."""
import jax
import jax.numpy as jnp


def scan(body, carry, xs, *, unroll):
  """jax.lax.scan, or the same written out: -> carry, stacked outputs.

  XLA's CPU backend runs convolutions inside a loop several times slower, and
  jax.lax.scan makes a loop of a single turn even where unroll=True.

  Args:
    body: (carry, x) -> carry, y.
    xs: pytree whose leaves have the turns as their first axis.
    unroll: write the turns out one by one. A single one always is.
  """
  length = jax.tree.leaves(xs)[0].shape[0]
  if not unroll and length > 1:
    return jax.lax.scan(body, carry, xs)
  ys = []
  for i in range(length):
    carry, y = body(carry, jax.tree.map(lambda x, i=i: x[i], xs))
    ys.append(y)
  return carry, jax.tree.map(lambda *y: jnp.stack(y), *ys)
