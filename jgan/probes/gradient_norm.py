"""Norm of the gradient of D's output with respect to its image, at real and at
generated images (Zhang, Li, Li, Zhou and Chen, GAN-SDP, section III-B).

D's slope is what G learns by. A norm that grows without bound means a D that
changes abruptly between images, a norm near 0 one that teaches nothing. Of a D
with several outputs it is the Frobenius norm of the Jacobian. Batch
normalisation in D couples the images of a batch, as in penalties.gradient.
"""
import functools

import jax
import jax.numpy as jnp
import numpy as np

NEEDS = ()


def observe(scene):
  """Scene -> {'real', 'fake': [b]}: norms, of the trained G's images."""
  return {side: _norms(functools.partial(scene.verdict, side=side),
                       getattr(scene, side)) for side in ('real', 'fake')}


def values(seen):
  """{'real', 'fake', 'real_std', 'fake_std'}: means and deviations, >= 0."""
  return ({side: np.mean(norms) for side, norms in seen.items()}
          | {f'{side}_std': np.std(norms) for side, norms in seen.items()})


def _norms(judge, images):
  """The norm of the Jacobian of each image's outputs: [b]."""
  outputs, pull = jax.vjp(judge, images)

  def squares(direction):
    gradient, = pull(jnp.broadcast_to(direction, outputs.shape))
    return sum(jnp.sum(x**2, axis=(1, 2, 3)) for x in jax.tree.leaves(gradient))

  if outputs.ndim == 1:
    return jnp.sqrt(squares(jnp.float32(1.)))
  return jnp.sqrt(jnp.sum(jax.lax.map(squares, jnp.eye(outputs.shape[-1])), 0))
