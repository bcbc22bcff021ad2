"""Halving and doubling of feature maps, and how often a size takes it.

An octave's two maps (jgan/ops/octave.py) are halved or doubled each by itself.
"""
import jax
import jax.numpy as jnp

from jgan.errors import UserError
from jgan.ops.octave import each


@each
def upsample(x):
  """Repeats every pixel twice per axis: [b, h, w, c] -> [b, 2h, 2w, c]."""
  b, h, w, c = x.shape
  x = jnp.broadcast_to(x[:, :, None, :, None], (b, h, 2, w, 2, c))
  return x.reshape(b, 2 * h, 2 * w, c)


@each
def bilinear(x):
  """Doubles by linear interpolation, edges repeated, as PyTorch does with
  align_corners=False: [b, h, w, c] -> [b, 2h, 2w, c].
  """
  return _double(x, (.75, .25))


@each
def bicubic(x):
  """Doubles by cubic convolution (Keys, 1981) with a = -.75, as PyTorch does
  with align_corners=False; jax.image.resize has a = -.5 and other edges.
  """
  return _double(x, (-.10546875, .87890625, .26171875, -.03515625))


@each
def downsample(x):
  """Averages 2 x 2 pixels: [b, h, w, c] -> [b, h/2, w/2, c].

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
  """The largest of 2 x 2 pixels, the first of equals; as `downsample`.

  Chosen by select: the gradient of jnp.max looks for the largest again, and
  is 0 / 0 where a compiler has rounded it otherwise in between.
  """
  larger = lambda a, b: jnp.where(b > a, b, a)
  x = larger(x[:, :, ::2], x[:, :, 1::2])
  return larger(x[:, ::2], x[:, 1::2])


def doublings(size, sizes):
  """How often 4 pixels double to reach `size`.

  Raises:
    UserError: `size` is not among those that the architecture supports.
  """
  if size not in sizes:
    raise UserError(f'size {size} does not suit this architecture: it takes '
                    f'{", ".join(map(str, sizes))}')
  return (size // 4).bit_length() - 1


def _double(x, taps):
  """Doubles both axes with interpolation weights for a quarter pixel.

  taps: r values before and r after that point, 2r in all: pixel 2i + 1 lies
    a quarter behind pixel i of the input, and pixel 2i as far before it.
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
