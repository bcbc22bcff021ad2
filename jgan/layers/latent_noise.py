"""Noise for images outside training, from a random key for each latent.

The published code of StyleGAN2 and FastGAN adds fresh noise in evaluation too.
Here the key is a hash of the bits of the latent, so that an image is a
function of z, independent of the batch and the device.
"""
import jax
import jax.numpy as jnp
import numpy as np

_ODD = 0x9E3779B1  # 2^32 / golden ratio, the multiplier of Fibonacci hashing


def keys(z):
  """A key for each latent: [b, d] -> keys [b]."""
  bits = jax.lax.bitcast_convert_type(z.astype(jnp.float32), jnp.uint32)
  factors = (np.arange(1, 2 * z.shape[1], 2) * _ODD % 2**32).astype(np.uint32)
  return jax.vmap(jax.random.key)((bits * factors).sum(1, dtype=jnp.uint32))


def draw(keys, layer, shape):
  """Draws N(0, 1) from each key: [b, *shape].

  layer: int that selects independent noise for each layer.
  """
  return jax.vmap(lambda key: jax.random.normal(
      jax.random.fold_in(key, layer), shape))(keys)
