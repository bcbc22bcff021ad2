"""Structured pruning: whole channels, by the L1 norm of their filters.

Li et al. (2017). The score of a channel is the L1 norm of the filter that
computes it, summed over the layers whose outputs are added into it. In each
group of n channels, a ratio r prunes the k = ceil(r (n - 1)) channels with the
smallest scores, by the rule of magnitude.py, which keeps at least one.

A pruned channel is masked in the kernels of the layers that read it (their
input axis). So it contributes nothing to the images, and its own filter, bias
and normalisation parameters can be removed from the network
(compress/channels.py). Those are not masked: their gradient is zero, so they
do not change, and in the next dense phase the channel grows back from zero
input weights, as single weights do in Re-GAN. If its own filter were zero as
well, it could not grow back: behind a ReLU all its gradients would stay zero.
"""
import jax
import jax.numpy as jnp

from jgan.optim import magnitude


def masks(params, groups, *, ratio, skip=''):
  """Masks of `params` that prune the channels with the smallest scores.

  Args:
    params: tree of arrays.
    groups: list of ops.channels.Group.
    ratio: in [0, 1), fraction of the channels to prune; may be traced.
    skip: regular expression; a group is not pruned if the name of the first
      layer in its `makers` matches. '' skips no group.

  Returns:
    A tree like `params` of bools, False where a weight is pruned.

  Raises:
    UserError: `skip` is not a regular expression, or skips every group.
  """
  scores = {group.makers[0]: sum(strengths(params, layer)
                                 for layer in group.makers)
            for group in groups}
  channel_masks = magnitude.masks(scores, ratio=ratio, skip=skip)

  def weight_mask(path, w):
    name = jax.tree_util.keystr(path, simple=True, separator='/')
    mask = jnp.ones(w.shape, bool)
    for group in groups:
      if name in [f'{layer}/kernel' for layer in group.takers]:
        mask &= channel_masks[group.makers[0]][:, None]
    return mask

  return jax.tree_util.tree_map_with_path(weight_mask, params)


def strengths(params, layer):
  """L1 norm of each filter of a convolution: [output channels]."""
  for name in layer.split('/'):
    params = params[name]
  return jnp.abs(params['kernel']).sum((0, 1, 2))
