"""LPIPS (Zhang et al., 2018), version 0.1 with VGG-16: the perceptual distance
of two images.

Features of VGG-16 (Simonyan & Zisserman, 2015) at five depths are scaled to
length 1 at every pixel. Their squared differences are weighted by channel,
with weights fitted to human judgements, averaged over pixels, and summed.

The user provides the weight files: torchvision's vgg16-397923af.pth and the
authors' lpips/weights/v0.1/vgg.pth, or a single file with both, such as the
state dict of the authors' LPIPS(net='vgg').
"""
import functools
import hashlib
import logging
import pathlib

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jgan import arrays
from jgan.errors import UserError
from jgan.features import _torch_file

log = logging.getLogger(__name__)

# Indices of VGG's convolutions in torchvision's `features`, by depth.
_DEPTHS = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
# Mean and deviation of ImageNet for images in [-1, 1], as published.
_SHIFT = np.array([-.030, -.088, -.188], np.float32)
_SCALE = np.array([.458, .448, .450], np.float32)

_HELP = ('the weights of VGG-16 (features.0.weight or net.slice1.0.weight, '
         '...) and of LPIPS (lin0.model.1.weight, ...) would be right, in one '
         'file or in two with a comma between')


def distance(weights, x, y):
  """LPIPS of two batches, image by image.

  weights: as returned by `load`.
  x, y: [b, h, w, 3] in [-1, 1], h and w at least 16.

  Returns:
    [b] float32 >= 0.

  Raises:
    UserError: the images do not have three colors.
  """
  if x.shape[-1] != 3:
    raise UserError(f'lpips looks at images of 3 colors, these have '
                    f'{x.shape[-1]}')
  h = (jnp.concatenate([x, y]).astype(jnp.float32) - _SHIFT) / _SCALE
  total = 0.
  for depth, (convolutions, channels) in enumerate(weights):
    h = nn.max_pool(h, (2, 2), (2, 2)) if depth else h
    for kernel, bias in convolutions:
      h = nn.relu(_convolve(h, kernel) + bias)
    features_x, features_y = jnp.split(_unit(h), 2)
    total += jnp.mean((features_x - features_y)**2 @ channels, (1, 2))
  return total


@functools.lru_cache(maxsize=1)
def load(files):
  """The weights for `distance`.

  files: comma-separated paths of torch files, .npz or .safetensors. Networks
    of the same layers with fewer channels are accepted.

  Returns:
    For each depth ([(kernel [3, 3, c, d], bias [d]), ...], channels [d]).

  Raises:
    UserError: a file cannot be read, or an array is missing, does not fit, or
      is not finite.
  """
  state = {}
  for file in files.split(','):
    state |= _read(pathlib.Path(file.strip()).expanduser())

  def find(names, shape):
    name = next((n for n in names if n in state), None)
    if name is None:
      raise UserError(f'{files} has no {" or ".join(names)}: {_HELP}')
    array = state[name]
    fits = len(shape) == array.ndim and all(
        n in (None, m) for n, m in zip(shape, array.shape))
    if (not fits or not jnp.issubdtype(array.dtype, jnp.floating)
        or not np.isfinite(array := array.astype(np.float32)).all()):
      raise UserError(f'{files}: {name} is {list(array.shape)} and should be '
                      f'{[n or "any" for n in shape]}, of finite numbers')
    return array

  weights, width = [], 3
  for depth, places in enumerate(_DEPTHS):
    convolutions = []
    for place in places:
      scopes = [f'features.{place}', f'net.slice{depth + 1}.{place}']
      kernel = find([f'{s}.weight' for s in scopes], (None, width, 3, 3))
      width = len(kernel)
      bias = find([f'{s}.bias' for s in scopes], (width,))
      # Transposed here, or XLA would transpose a constant when compiling.
      convolutions.append((np.ascontiguousarray(kernel.transpose(2, 3, 1, 0)),
                           bias))
    channels = find([f'lin{depth}.model.1.weight'], (1, width, 1, 1))
    weights.append((convolutions, channels.reshape(width)))
  digest = hashlib.sha256()
  for array in jax.tree.leaves(weights):
    digest.update(array.tobytes())
  log.info('lpips: weights of %s, sha256 %s of the arrays', files,
           digest.hexdigest()[:16])
  return weights


def _convolve(x, kernel):
  return jax.lax.conv_general_dilated(
      x, kernel, (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC'))


def _unit(h):
  """Scales vectors [..., c] to length 1; zero vectors stay zero."""
  square = jnp.sum(h**2, -1, keepdims=True)
  zero = square == 0.  # where the derivative of the root is infinite
  length = jnp.where(zero, 0., jnp.sqrt(jnp.where(zero, 1., square)))
  return h / (length + 1e-10)


def _read(path):
  """{name: array} of a file."""
  if path.suffix in ('.npz', '.safetensors'):
    return arrays.read(path)
  return _torch_file.state_of(_torch_file.load(path).tree, path)
