"""Downsampling and upsampling of feature maps by a factor of two.

The two maps of an Octave (jgan/ops/octave.py) are resized separately.
"""
import jax
import jax.numpy as jnp

from jgan.errors import UserError
from jgan.ops.octave import each


@each
def upsample(x):
  """Nearest-neighbour upsampling: [b, h, w, c] -> [b, 2h, 2w, c]."""
  b, h, w, c = x.shape
  x = jnp.broadcast_to(x[:, :, None, :, None], (b, h, 2, w, 2, c))
  return x.reshape(b, 2 * h, 2 * w, c)


@each
def bilinear(x):
  """Bilinear upsampling with edge padding, as in PyTorch with
  align_corners=False: [b, h, w, c] -> [b, 2h, 2w, c].
  """
  return _double(x, (.75, .25))


@each
def bicubic(x):
  """Bicubic upsampling (Keys, 1981) with a = -.75 and edge padding, as in
  PyTorch with align_corners=False; jax.image.resize has a = -.5 and treats
  edges differently.
  """
  return _double(x, (-.10546875, .87890625, .26171875, -.03515625))


@each
def downsample(x):
  """2 x 2 average pooling: [b, h, w, c] -> [b, h/2, w/2, c].

  Raises:
    UserError: h or w is odd.
  """
  b, h, w, c = x.shape
  if h % 2 or w % 2:
    raise UserError(f'a map of {h} x {w} cannot be halved: even sizes would be '
                    'right')
  return x.reshape(b, h // 2, 2, w // 2, 2, c).mean((2, 4))


@each
def downsample_max(x):
  """2 x 2 max pooling: [b, h, w, c] -> [b, h/2, w/2, c], h and w even.

  Of equal pixels the first gets the gradient. Computed by selects: the
  gradient of jnp.max compares its inputs with the maximum, and is 0 / 0 if the
  compiler has rounded the two differently.
  """
  larger = lambda a, b: jnp.where(b > a, b, a)
  x = larger(x[:, :, ::2], x[:, :, 1::2])
  return larger(x[:, ::2], x[:, 1::2])


def doublings(size, sizes):
  """Number of doublings from 4 pixels to `size`.

  sizes: the sizes that the architecture supports.

  Raises:
    UserError: `size` is none of them.
  """
  if size not in sizes:
    raise UserError(f'size {size} does not suit this architecture: it takes '
                    f'{", ".join(map(str, sizes))}')
  return (size // 4).bit_length() - 1


def _double(x, taps):
  """Doubles both axes by interpolation at a quarter of a pixel.

  Output 2i + 1 lies a quarter of a pixel after input i, and output 2i a
  quarter before it.

  taps: weights of the r inputs before and the r after output 2i + 1; for
    output 2i they are reversed.
  """
  n = len(taps)
  for axis in (1, 2):
    edges = [(n // 2,) * 2 if i == axis else (0, 0) for i in range(4)]
    padded = jnp.pad(x, edges, mode='edge')
    at = lambda k, p=padded, a=axis, size=x.shape[axis]: (
        jax.lax.slice_in_dim(p, k, k + size, axis=a))
    even = sum(tap * at(k) for k, tap in enumerate(reversed(taps)))
    odd = sum(tap * at(k + 1) for k, tap in enumerate(taps))
    shape = [2 * s if i == axis else s for i, s in enumerate(x.shape)]
    x = jnp.stack([even, odd], axis + 1).reshape(shape)
  return x
