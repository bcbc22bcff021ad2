"""Pixel normalisation (Karras et al., 2018)."""
import jax
import jax.numpy as jnp


def pixel_norm(x, eps=1e-8):
  """Scales each vector of channels to a mean square of 1: [..., c] -> same."""
  y = x.astype(jnp.float32)
  y *= jax.lax.rsqrt(jnp.mean(y**2, axis=-1, keepdims=True) + eps)
  return y.astype(x.dtype)
