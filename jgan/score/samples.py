"""The images that scores are made of: generated ones, and some real ones."""
import jax
import numpy as np

from jgan.ops.quantize import to_uint8


def fakes(sample, net, count, size, latent, seed, dtype=np.uint8):
  """Yields `count` generated images, `size` at a time.

  Image i depends on (seed, i // size) only, whatever the count.

  dtype: of the real images; where that is uint8 the fakes are rounded.
  """
  root = jax.random.key(seed)
  stored = to_uint8 if np.dtype(dtype) == np.uint8 else np.asarray
  noise = lambda i: jax.random.normal(jax.random.fold_in(root, i),
                                      (size, latent))
  batches = -(-count // size)
  ahead = sample(net, noise(0))
  for i in range(batches):
    images = ahead
    if i + 1 < batches:  # the device goes on while the host looks at these
      ahead = sample(net, noise(i + 1))
    yield stored(images)[:count - i * size]


def reals(source, count, seed):
  """At most `count` images of a source, drawn without replacement."""
  rng = np.random.default_rng(seed)
  chosen = rng.permutation(len(source))[:count]
  return np.stack([source[int(i)] for i in np.sort(chosen)])
