"""LPIPS (Zhang et al., 2018), version 0.1 with VGG-16: how different two images
look.

Features of VGG-16 (Simonyan & Zisserman, 2015) at five depths are scaled to
length 1 at every pixel. Their squared differences are weighted by channel, as
fitted to the judgement of people, averaged over pixels, and summed.

The weights come in files of the user: torchvision's vgg16-397923af.pth and
lpips/weights/v0.1/vgg.pth of the authors, or both in one, as the state dict of
the authors' LPIPS(net='vgg') has them.
"""
import functools
import hashlib
import logging
import pathlib
import zipfile

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import safetensors.numpy

from jgan.errors import UserError
from jgan.features import _torch_file

log = logging.getLogger(__name__)

# VGG's convolutions by depth, by their places among torchvision's layers.
_DEPTHS = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
# Mean and deviation of ImageNet for images in [-1, 1], as published.
_SHIFT = np.array([-.030, -.088, -.188], np.float32)
_SCALE = np.array([.458, .448, .450], np.float32)

_HELP = ('the weights of VGG-16 (features.0.weight or net.slice1.0.weight, '
         '...) and of LPIPS (lin0.model.1.weight, ...) would be right, in one '
         'file or in two with a comma between')


def distance(weights, x, y):
  """How different two batches look, image by image.

  weights: of `load`.
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
    ours, theirs = jnp.split(_unit(h), 2)
    total += jnp.mean((ours - theirs)**2 @ channels, (1, 2))
  return total


@functools.lru_cache(maxsize=1)
def load(files):
  """The weights that `distance` takes.

  files: a path, or several with commas between: what torch saved, .npz or
    .safetensors. Narrower networks of these layers will do.

  Returns:
    For each depth ([(kernel [3, 3, c, d], bias [d]), ...], channels [d]).

  Raises:
    UserError: a file cannot be read, or an array is missing, does not fit, or
      is not finite.
  """
  state = {}
  for file in files.split(','):
    state |= _read(pathlib.Path(file.strip()).expanduser())

  def take(names, shape):
    name = next((n for n in names if n in state), None)
    if name is None:
      raise UserError(f'{files} has no {" or ".join(names)}: {_HELP}')
    array = np.asarray(state[name], np.float32)
    fits = len(shape) == array.ndim and all(
        n in (None, m) for n, m in zip(shape, array.shape))
    if not fits or not np.isfinite(array).all():
      raise UserError(f'{files}: {name} is {list(array.shape)} and should be '
                      f'{[n or "any" for n in shape]}, of finite numbers')
    return array

  weights, width = [], 3
  for depth, places in enumerate(_DEPTHS):
    convolutions = []
    for place in places:
      scopes = [f'features.{place}', f'net.slice{depth + 1}.{place}']
      kernel = take([f'{s}.weight' for s in scopes], (None, width, 3, 3))
      width = len(kernel)
      bias = take([f'{s}.bias' for s in scopes], (width,))
      # As it is used, or XLA would transpose a constant when compiling.
      convolutions.append((np.ascontiguousarray(kernel.transpose(2, 3, 1, 0)),
                           bias))
    channels = take([f'lin{depth}.model.1.weight'], (1, width, 1, 1))
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
  """Vectors [..., c] of length 1, or 0 where there is nothing."""
  square = jnp.sum(h**2, -1, keepdims=True)
  zero = square == 0.  # where the root's slope is infinite
  length = jnp.where(zero, 0., jnp.sqrt(jnp.where(zero, 1., square)))
  return h / (length + 1e-10)


def _read(path):
  """{name: array} of a file."""
  read = {'.npz': _npz, '.safetensors': safetensors.numpy.load_file}.get(
      path.suffix, lambda path: _torch_file.load(path).tree)
  try:
    state = read(path)
  except (OSError, ValueError, zipfile.BadZipFile,
          safetensors.SafetensorError) as error:
    raise UserError(f'cannot read {path}: {error}') from error
  if not isinstance(state, dict):
    raise UserError(f'{path} holds a {type(state).__name__}: {_HELP}')
  return state


def _npz(path):
  with np.load(path, allow_pickle=False) as arrays:
    return dict(arrays)
