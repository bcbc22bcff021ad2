"""Weight clipping of WGAN (Arjovsky et al., 2017), the last of an optax chain.

Replaces an update u of p so that p + u becomes clip(p + u, -limit, limit).
"""
import jax
import jax.numpy as jnp
import optax

from jgan.errors import UserError


def weight_clip(limit):
  """A transformation that keeps every parameter in [-limit, limit], exactly.

  Updates that stay inside do not change, bit for bit. A clipped parameter is
  within one rounding step of the update from the limit, never beyond it.

  Args:
    limit: > 0; .01 in the paper.

  Raises:
    UserError: `limit` is not positive.
  """
  if not limit > 0.:
    raise UserError(f'weight_clip: limit={limit} leaves no weight but 0; it '
                    'must be positive, such as .01')

  def update(updates, state, params=None):
    if params is None:
      raise ValueError('weight_clip clips parameters: pass them, as in '
                       'update(grads, state, params)')
    return jax.tree.map(lambda u, p: _clipped(u, p, limit),
                        updates, params), state

  return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def _clipped(u, p, limit):
  """The update of one parameter that ends within the limits."""
  limit = jnp.asarray(limit, p.dtype)
  inside = jnp.abs(p + u) <= limit
  u = jnp.where(inside, u, jnp.clip(p + u, -limit, limit) - p)
  # The difference was rounded, so p + u may still exceed the limit. Then the
  # next smaller float is enough: rounding moved u by at most half that step.
  result = p + u
  u = jnp.where(result > limit, jnp.nextafter(u, -jnp.inf), u)
  return jnp.where(result < -limit, jnp.nextafter(u, jnp.inf), u)
