"""Noise that is drawn for each image outside training, by a key of its own.

The codes of StyleGAN2 and FastGAN add fresh noise to the images that they score
too. Here its key is made of the bits of the latent, so that an image is a
function of z, whatever batch and device it is made in.
"""
import jax
import jax.numpy as jnp
import numpy as np

_ODD = 0x9E3779B1  # 2^32 over the golden ratio: spreads neighbouring numbers


def keys(z):
  """A key for each latent: [b, d] -> keys [b]."""
  bits = jax.lax.bitcast_convert_type(z.astype(jnp.float32), jnp.uint32)
  factors = (np.arange(1, 2 * z.shape[1], 2) * _ODD % 2**32).astype(np.uint32)
  return jax.vmap(jax.random.key)((bits * factors).sum(1, dtype=jnp.uint32))


def draw(keys, layer, shape):
  """N(0, 1) of each key: [b, *shape].

  layer: a number; each has noise of its own.
  """
  return jax.vmap(lambda key: jax.random.normal(
      jax.random.fold_in(key, layer), shape))(keys)
