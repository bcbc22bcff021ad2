"""How far generated images are apart, relative to real ones, in pixels.

'all' is the root of the mean squared distance of two images; it falls if G's
images become alike. 'nearest' is the mean distance to the nearest other image
of a batch; it falls before if G makes few kinds of images, however different
these are. Both are 1 for real images. They are of G as it is trained, since its
average follows a collapse only later; 'average' is as 'all', of the averaged
one.
"""
import jax
import jax.numpy as jnp
import numpy as np

from jgan.ops import kernels

NEEDS = ()


def observe(scene):
  """Scene -> {'real', 'fake', 'average': [2]}: squared and nearest distance.

  Of images before augmentation.
  """
  return {'real': distances(scene.plain), 'fake': distances(scene.made),
          'average': distances(scene.averaged)}


def values(seen):
  """{'all', 'nearest', 'average'}: >= 0; 0 if all real images are equal."""
  (real, near), fake, average = (
      np.mean(np.reshape(seen[side], (-1, 2)), 0)
      for side in ('real', 'fake', 'average'))
  ratio = lambda a, b: a / b if b else 0.
  return {'all': np.sqrt(ratio(fake[0], real)),
          'nearest': ratio(fake[1], near),
          'average': np.sqrt(ratio(average[0], real))}


def distances(images):
  """[b, h, w, c] -> [2]: mean squared distance of two, mean nearest distance.

  b >= 2. Row by row, since all pairs at once would be b copies of the batch.
  """
  flat = images.reshape(len(images), -1)
  square = jax.lax.map(
      lambda row: kernels.squared_distances(row[None], flat)[0], flat)
  others = square + jnp.where(jnp.eye(len(flat), dtype=bool), jnp.inf, 0.)
  return jnp.stack([jnp.sum(square) / (len(flat) * (len(flat) - 1)),
                    jnp.mean(jnp.sqrt(jnp.min(others, 1)))])
