"""Second moments of what the layers of a generator read: S = E[x x^T].

x is the input of a dense layer, or the patch [kh kw c] under the kernel of a
convolution, its rows, columns and channels in the order of the kernel; the mean
over generated images and positions is not subtracted. An error E [n, t] of the
kernel, as a matrix, changes the layer's outputs by E[|x^T E|^2] = tr(E^T S E).
"""
import flax.linen as nn
import jax
import numpy as np

from jgan.compress.tensorly_session import session
from jgan.errors import UserError
from jgan.layers.conv import Conv
from jgan.layers.dense import Dense

_BATCH = 32


def measure(sample, net, z, paths, *, ridge, places=16):
  """The second moments of some layers of a generator: {path: S [n, n]}.

  Args:
    sample: (net, z) -> images.
    net: Network of the generator.
    z: what images are made of, [images, latent], or a tuple of it and labels
      [images].
    paths: of the layers.
    ridge: S gets this share of the mean of its diagonal added to its diagonal,
      so that it can be inverted where inputs are never seen, or copies of each
      other as after upsampling by nearest neighbours.
    places: of each map that count, drawn at random: neighbours read nearly the
      same.

  Returns:
    {path: S [n, n]}, float64, n = c or kh kw c.

  Raises:
    UserError: a layer is not a Conv of one group, or a Dense, with inputs of
      its own.
  """
  windows, totals, rows = {}, {}, {}

  def inputs(net, z):
    seen = {}

    def intercept(call, arguments, keywords, context):
      layer = context.module
      if context.method_name == '__call__' and isinstance(layer, Conv | Dense):
        path = '/'.join(layer.path)
        if path in paths:
          windows[path] = _window(layer, path)
          seen[path] = arguments[0]
      return call(*arguments, **keywords)

    with nn.intercept_methods(intercept):
      sample(net, z)
    return seen

  inputs, rng = jax.jit(inputs), np.random.default_rng(0)
  with session():  # one BLAS thread
    for start in range(0, len(jax.tree.leaves(z)[0]), _BATCH):
      few = slice(start, start + _BATCH)
      for path, x in inputs(net, jax.tree.map(lambda x, few=few: x[few],
                                              z)).items():
        for image in np.asarray(x, np.float64):
          patches = _patches(image, windows[path], places, rng)
          totals[path] = totals.get(path, 0.) + patches.T @ patches
          rows[path] = rows.get(path, 0) + len(patches)
  for path in paths:
    if path not in totals:
      raise UserError(f"layer '{path}' is no convolution or dense layer with "
                      'inputs of its own, so that its outputs cannot be fitted:'
                      " config.compress.fit.name='kernel' would be right")
  return {path: regularised(total / rows[path], ridge)
          for path, total in totals.items()}


def regularised(moments, ridge):
  """S + ridge mean(diag S) I."""
  return moments + ridge * np.mean(np.diag(moments)) * np.eye(len(moments))


def _window(layer, path):
  """(kernel, stride, padding, dilation) of a Conv, None of a Dense."""
  if isinstance(layer, Dense):
    return None
  if layer.groups != 1:
    raise UserError(f"layer '{path}' has {layer.groups} groups: only a "
                    'convolution of 1 group can be factored')
  padding = (layer.dilation * (layer.kernel // 2) if layer.padding is None
             else layer.padding)
  return layer.kernel, layer.stride, padding, layer.dilation


def _patches(x, window, places, rng):
  """[places, kh kw c] of a map [h, w, c]; [1, c] of a vector."""
  if window is None:
    return x.reshape(-1, x.shape[-1])
  kernel, stride, padding, dilation = window
  x = np.pad(x, ((padding, padding), (padding, padding), (0, 0)))
  span = dilation * (kernel - 1) + 1
  patches = np.lib.stride_tricks.sliding_window_view(x, (span, span), (0, 1))
  patches = patches[::stride, ::stride, :, ::dilation, ::dilation]
  h, w = patches.shape[:2]
  rows, columns = np.unravel_index(rng.permutation(h * w)[:places], (h, w))
  patches = np.moveaxis(patches[rows, columns], 1, -1)
  return patches.reshape(len(rows), -1)
