"""The convolutions of all like edges of a super-network, kept as one stack.

The convolutions that an edge chooses from see the same activated map, and
each is linear in its kernel: their weighted sum is one convolution per
dilation with the weighted sum of their kernels. Of 1x1, 3x3, 5x5 and dilated
3x3 and 5x5 kernels 50 taps are left of 69, and two maps of five. Edges that
read the same node are one convolution, too, with more output channels.

Stacked, the hundreds of kernels of a super-network are a dozen arrays: what
is done to each (its normalisation, Adam, the average, a checkpoint) is done
to all at once, and XLA compiles it once.
"""
from collections.abc import Callable, Mapping

import flax.linen as nn
import jax.numpy as jnp

from jgan.errors import UserError
from jgan.layers.conv import convolve


class KernelBank(nn.Module):
  """Kernels and biases of many edges, times the weights of their operations.

  Attributes:
    convs: {operation: (kernel size, dilation)}; its kernels [edges, k, k, c,
      features] and biases [edges, features] stand under its name.
    edges: how many.
    features: channels of the outputs.
    conv: makes the convolutions; it must be one that has weights().
  """
  convs: Mapping[str, tuple[int, int]]
  edges: int
  features: int
  conv: Callable

  @nn.compact
  def __call__(self, channels, weights):
    """For inputs of so many channels and weights {operation: [edges]}.

    Returns:
      {operation: kernels [edges, k, k, channels, features]}, and the sum of
      the biases [edges, features].
    """
    stacked = nn.vmap(
        lambda layer, _: layer.weights(channels),
        variable_axes={'params': 0, 'spectral': 0},
        split_rngs={'params': True})
    kernels, bias = {}, jnp.zeros((self.edges, self.features))
    for op, (size, dilation) in self.convs.items():
      layer = self.conv(self.features, kernel=size, dilation=dilation, name=op)
      require_kernel(layer)
      kernel, shift = stacked(layer, jnp.zeros(self.edges))
      kernels[op] = weights[op][:, None, None, None, None] * kernel
      bias += weights[op][:, None] * shift
    return kernels, bias


def require_kernel(layer):
  """Refuses a convolution without weights(): what is summed is its kernel."""
  if not hasattr(layer, 'weights'):
    raise UserError(f'a super-network sums kernels, and {type(layer).__name__}'
                    " has not one: its conv must be 'plain' or 'spectral'")


def by_dilation(kernels, convs):
  """Sums a bank's kernels that one convolution can do: {dilation: stack}."""
  groups = {}
  for op, kernel in kernels.items():
    groups.setdefault(convs[op][1], []).append(kernel)
  return {dilation: centred_sum(stacks) for dilation, stacks in groups.items()}


def convolve_edges(h, kernels, bias, *, stride=1):
  """The convolutions of several edges that read one node, as one.

  Args:
    h: [b, h, w, c], activated.
    kernels: {dilation: [edges, k, k, c, d]}.
    bias: [edges, d].
    stride: of the convolutions.

  Returns:
    List of [b, h', w', d], one per edge.
  """
  out = jnp.reshape(bias, -1).astype(h.dtype)
  for dilation, stack in kernels.items():
    edges, k, _, c, d = stack.shape
    kernel = jnp.moveaxis(stack, 0, 3).reshape(k, k, c, edges * d)
    out += convolve(h, kernel.astype(h.dtype), stride=stride,
                    dilation=dilation, brief=True)
  return jnp.split(out, len(bias), axis=-1)


def centred_sum(kernels):
  """Sums kernels [..., k, k, c, d] of odd sizes k about their centres."""
  size = max(kernel.shape[-3] for kernel in kernels)
  ring = lambda kernel: ((size - kernel.shape[-3]) // 2,) * 2
  return sum(jnp.pad(kernel, [(0, 0)] * (kernel.ndim - 4)
                     + [ring(kernel)] * 2 + [(0, 0)] * 2)
             for kernel in kernels)
