"""Halving and doubling of feature maps, and how often a size takes it."""
import jax.numpy as jnp

from jgan.errors import UserError


def upsample(x):
  """Repeats every pixel twice per axis: [b, h, w, c] -> [b, 2h, 2w, c]."""
  b, h, w, c = x.shape
  x = jnp.broadcast_to(x[:, :, None, :, None], (b, h, 2, w, 2, c))
  return x.reshape(b, 2 * h, 2 * w, c)


def downsample(x):
  """Averages 2 x 2 pixels, h and w even: [b, h, w, c] -> [b, h/2, w/2, c]."""
  b, h, w, c = x.shape
  return x.reshape(b, h // 2, 2, w // 2, 2, c).mean((2, 4))


def doublings(size, sizes):
  """How often 4 pixels double to reach `size`.

  Raises:
    UserError: `size` is not among those that the architecture supports.
  """
  if size not in sizes:
    raise UserError(f'size {size} does not suit this architecture: it takes '
                    f'{", ".join(map(str, sizes))}')
  return (size // 4).bit_length() - 1
