"""jax.lax.scan that can be unrolled completely."""
import jax
import jax.numpy as jnp


def scan(body, carry, xs, *, unroll):
  """jax.lax.scan, or a Python loop with the same result: -> carry, stacked ys.

  XLA's CPU backend runs convolutions inside a loop several times slower, and
  jax.lax.scan makes a loop of one iteration even with unroll=True.

  Args:
    body: (carry, x) -> carry, y.
    carry: initial carry.
    xs: pytree whose leaves have the iterations as their first axis.
    unroll: use the Python loop; a single iteration is always unrolled.
  """
  length = jax.tree.leaves(xs)[0].shape[0]
  if not unroll and length > 1:
    return jax.lax.scan(body, carry, xs)
  ys = []
  for i in range(length):
    carry, y = body(carry, jax.tree.map(lambda x, i=i: x[i], xs))
    ys.append(y)
  return carry, jax.tree.map(lambda *y: jnp.stack(y), *ys)
