"""Mean squared distances of D's outputs, within reals, within fakes, between.

The repulsive MMD loss (Wang et al., 2019) has D push real images apart and pull
generated ones together: 'real' then grows beside 'fake'. 'between' says how far
D tells both apart. For any number of outputs.
"""
import jax.numpy as jnp
import numpy as np

from jgan.ops import kernels

NEEDS = ()


def observe(scene):
  """Scene -> {'real', 'fake', 'between': scalar}, of the trained G's images."""
  real, fake = (x.reshape(len(x), -1) for x in map(
      scene.verdict, (scene.real, scene.fake), ('real', 'fake')))
  distances = kernels.squared_distances
  return {'real': _mean(distances(real, real)),
          'fake': _mean(distances(fake, fake)),
          'between': jnp.mean(distances(real, fake))}


def values(seen):
  """The same names: means over batches, >= 0."""
  return {name: np.mean(x) for name, x in seen.items()}


def _mean(square):
  """Mean over pairs of different images: [b, b] with a zero diagonal."""
  n = len(square)
  return jnp.sum(square) / max(n * (n - 1), 1)
