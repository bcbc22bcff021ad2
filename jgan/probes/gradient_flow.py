"""Norm of the gradient of G's loss, relative to the norm of G's parameters
(Saxena et al., 2023, Re-GAN, follow the gradient flow through G).

Adam does not see the scale of a gradient, but its rounding does: a flow that
falls by orders of magnitude means that D has left nothing to learn from. The
first and the last layer tell whether it is lost on its way through G.
"""
import jax
import numpy as np
import optax

NEEDS = ()


def observe(scene):
  """Scene -> {'norm', 'all', 'first', 'last': scalar}, of the trained G.

  'norm' is that of the gradient; 'all' is divided by the norm of all
  parameters, 'first' and 'last' are of the layer next to the latent and next to
  the image.
  """
  gradient = jax.grad(scene.gen_loss)(scene.gen_params)
  layer = lambda tree, path: _of(tree, scene.gen_layers[path])
  parts = {'all': (gradient, scene.gen_params)} | {
      name: (layer(gradient, i), layer(scene.gen_params, i))
      for name, i in (('first', 0), ('last', -1))}
  norm = optax.global_norm
  return {'norm': norm(gradient)} | {
      name: norm(g) / norm(w) for name, (g, w) in parts.items()}


def values(seen):
  """The same names: means over batches, >= 0."""
  return {name: np.mean(x) for name, x in seen.items()}


def _of(tree, path):
  """The part of nested dicts at a path of keys."""
  for key in path:
    tree = tree[key]
  return tree
