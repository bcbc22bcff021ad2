"""Questions asked of, and simple arithmetic on, whole pytrees of arrays."""
import jax
import jax.numpy as jnp


def finite(tree):
  """True where every floating leaf of the tree is finite: a bool scalar."""
  leaves = [x for x in jax.tree.leaves(tree)
            if jnp.issubdtype(x.dtype, jnp.inexact)]
  checks = [jnp.all(jnp.isfinite(x)) for x in leaves]
  return jnp.all(jnp.stack(checks)) if checks else jnp.bool_(True)
