"""Pruning of whole channels, by the filters that make them (Li et al., 2017).

The score of a channel is the L1 norm of its filter, summed over the layers
that make it together. Of n channels and a ratio r the k = ceil(r (n - 1)) with
the least scores go, in each group by itself: the rule of magnitude.py, which
leaves at least one.

Masked are the kernels of the layers that take a channel, at that channel. So
it adds nothing to the images, and its filter, its bias and what normalises it
can be left out of the network (compress/channels.py). They are not masked:
their gradient is zero by itself, so they rest as they are, and when the dense
phase begins the channel grows back from zero, as Re-GAN's weights do. A
channel with nothing but zeros would not: behind a ReLU all of its gradients
are zero forever.
"""
import jax
import jax.numpy as jnp

from jgan.optim import magnitude


def masks(params, groups, *, ratio, skip=''):
  """Masks of `params` without its weakest channels.

  Args:
    params: tree of arrays.
    groups: of ops.channels.Group.
    ratio: in [0, 1), which part of the channels to prune; may be traced.
    skip: regular expression; groups are left out if the name of their first
      maker has a match. '': none is.

  Raises:
    UserError: `skip` is no pattern or leaves no group.
  """
  scores = {group.makers[0]: sum(strengths(params, layer)
                                 for layer in group.makers)
            for group in groups}
  kept = magnitude.masks(scores, ratio=ratio, skip=skip)

  def mask(path, w):
    name = jax.tree_util.keystr(path, simple=True, separator='/')
    found = jnp.ones(w.shape, bool)
    for group in groups:
      if name in [f'{layer}/kernel' for layer in group.takers]:
        found &= kept[group.makers[0]][:, None]
    return found

  return jax.tree_util.tree_map_with_path(mask, params)


def strengths(params, layer):
  """L1 norm of each filter of a layer: [n]."""
  for name in layer.split('/'):
    params = params[name]
  return jnp.abs(params['kernel']).sum((0, 1, 2))
