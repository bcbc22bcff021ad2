"""Generated and real images for scores."""
import jax
import numpy as np

from jgan.ops.quantize import to_uint8


def fakes(sample, net, count, size, latent, seed, dtype=np.uint8):
  """Yields `count` generated images in batches of `size`.

  The images of a batch depend only on the seed and the index of the batch,
  not on `count`.

  dtype: of the real images; if it is uint8, generated images are rounded.
  """
  root = jax.random.key(seed)
  convert = to_uint8 if np.dtype(dtype) == np.uint8 else np.asarray
  noise = lambda i: jax.random.normal(jax.random.fold_in(root, i),
                                      (size, latent))
  batches = -(-count // size)
  pending = sample(net, noise(0))
  for i in range(batches):
    images = pending
    if i + 1 < batches:  # the device works while the host uses `images`
      pending = sample(net, noise(i + 1))
    yield convert(images)[:count - i * size]


def reals(source, count, seed):
  """[n, h, w, c]: at most `count` images, drawn without replacement."""
  rng = np.random.default_rng(seed)
  chosen = rng.permutation(len(source))[:count]
  return np.stack([source[int(i)] for i in np.sort(chosen)])
