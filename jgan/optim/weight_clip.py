"""Weight clipping of WGAN (Arjovsky et al., 2017), as the last of a chain.

Rewrites an update so that applying it lands on clip(p + u, -limit, limit).
"""
import jax
import jax.numpy as jnp
import optax

from jgan.errors import UserError


def weight_clip(limit):
  """A transform after which every parameter is in [-limit, limit], exactly.

  Updates that stay inside are untouched, bit for bit. A clipped parameter
  lands within one rounding step of the update on the limit, never beyond it.

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
    return jax.tree.map(lambda u, p: _land(u, p, limit),
                        updates, params), state

  return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def _land(u, p, limit):
  limit = jnp.asarray(limit, p.dtype)
  inside = jnp.abs(p + u) <= limit
  u = jnp.where(inside, u, jnp.clip(p + u, -limit, limit) - p)
  # The difference was rounded, so p + u may still miss the limit. If it went
  # beyond, one float less is enough: rounding moved it by at most half that.
  landed = p + u
  u = jnp.where(landed > limit, jnp.nextafter(u, -jnp.inf), u)
  return jnp.where(landed < -limit, jnp.nextafter(u, jnp.inf), u)
