"""Generated and real images for scores."""
import functools

import jax
import jax.numpy as jnp
import numpy as np

from jgan.ops.quantize import to_uint8


def fakes(sample, net, count, size, latent, seed, dtype=np.uint8):
  """Yields `count` generated images in batches of `size`.

  The noise of image i is a function of the seed and i, whatever `count` and
  `size` are.

  dtype: of the real images; if it is uint8, generated images are rounded.
  """
  seed = np.uint32(seed)  # an int would be an int32
  convert = to_uint8 if np.dtype(dtype) == np.uint8 else np.asarray
  pending = sample(net, noise(seed, 0, size, latent))
  for start in range(0, count, size):
    images = pending
    if start + size < count:  # the device works while the host uses `images`
      pending = sample(net, noise(seed, start + size, size, latent))
    yield convert(images)[:count - start]


@functools.partial(jax.jit, static_argnums=(2, 3))
def noise(seed, start, size, latent):
  """The noise of images start, start + 1, ...: [size, latent]."""
  root = jax.random.key(seed)
  return jax.vmap(lambda i: jax.random.normal(
      jax.random.fold_in(root, i), (latent,)))(start + jnp.arange(size))


def reals(source, count, seed):
  """[n, h, w, c]: at most `count` images, drawn without replacement."""
  rng = np.random.default_rng(seed)
  chosen = rng.permutation(len(source))[:count]
  return np.stack([source[int(i)] for i in np.sort(chosen)])
