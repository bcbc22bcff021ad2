"""Fractions of D's outputs at which a player's loss is nearly flat.

An output counts if the gradient of the loss of one image with respect to it is
below `slope`: the hinge loss beyond its margin, log sigmoid of large logits.
Such an image teaches nothing. At D's threshold, nonsaturating has slope 1/2 and
hinge 1. 'disc' is over real and generated images in D's loss, 'gen' over
generated ones in G's.
"""
import jax
import jax.numpy as jnp
import numpy as np

NEEDS = ()


def observe(scene, *, slope=.01):
  """Scene -> {'disc', 'gen': scalar}, fractions in [0, 1]; of the trained G."""
  real, fake = (scene.verdict(getattr(scene, side), side)
                for side in ('real', 'fake'))
  disc = jax.grad(scene.losses.disc, (0, 1))(real, fake)
  gen = jax.grad(scene.losses.gen, 1)(real, fake)
  flat = lambda gradient: jnp.mean(
      _size(gradient) * len(gradient) < slope)
  return {'disc': jnp.mean(jnp.stack([*map(flat, disc)])), 'gen': flat(gen)}


def values(seen):
  """The same names: means over batches, in [0, 1]."""
  return {name: np.mean(x) for name, x in seen.items()}


def _size(gradient):
  """The norm over an image's outputs: [b] or [b, d] -> [b]."""
  return jnp.linalg.norm(gradient.reshape(len(gradient), -1), axis=1)
