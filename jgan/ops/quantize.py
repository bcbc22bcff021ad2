"""Quantization of images to uint8, as they are stored and scored."""
import jax.numpy as jnp
import numpy as np


def to_uint8(images):
  """[...] floats in [-1, 1] -> uint8, rounded and clipped; uint8 is unchanged.

  It works on the host.

  NaN becomes 0, so that images of a diverged run can still be saved.
  """
  images = np.asarray(images)
  if images.dtype == np.uint8:
    return images
  levels = np.clip(images.astype(np.float32) * 127.5 + 128., 0., 255.)
  return np.nan_to_num(levels, nan=0.).astype(np.uint8)


def levels(images):
  """`to_uint8` of floats within a compiled function."""
  scaled = jnp.clip(images.astype(jnp.float32) * 127.5 + 128., 0., 255.)
  return jnp.nan_to_num(scaled, nan=0.).astype(jnp.uint8)
