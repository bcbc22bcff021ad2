"""Latent vectors that a user names: of seeds, of a file, and between them."""
import jax
import jax.numpy as jnp
import numpy as np

from jgan import arrays
from jgan.errors import UserError


def checked(z, width, where):
  """Latent vectors that a user gives: [n, width] float32.

  where: what they are, for the message.

  Raises:
    UserError: another shape, no real numbers, or not finite.
  """
  z = np.asarray(z)
  if z.ndim != 2 or not len(z) or z.shape[1] != width or z.dtype.kind not in (
      'f', 'i', 'u'):
    raise UserError(f'{where} are {z.dtype} {list(z.shape)}: real numbers '
                    f'[n, {width}] would be right, {width} is the latent of '
                    'this generator')
  z = z.astype(np.float32)
  if not np.isfinite(z).all():
    raise UserError(f'{where} are not finite in all places')
  return z


def of_file(path, width):
  """The latents in a file, .npy or an .npz of one array: [n, width].

  Raises:
    UserError: it cannot be read, or holds no latents of this width.
  """
  return checked(arrays.single(path), width, f'--latents={path}')


def pairs(seed, count, width):
  """The ends of rows of a seed: two arrays [count, width] of N(0, 1)."""
  a, b = jax.random.normal(jax.random.key(seed), (2, count, 1, width))
  return a[:, 0], b[:, 0]


def rows(a, b, count):
  """Rows from one latent to another one, both included.

  Args:
    a, b: [rows, latent].
    count: latents in a row.

  Returns:
    [rows * count, latent].
  """
  return _between(a, b, jnp.linspace(0., 1., count))


def loop(z, count):
  """A closed walk: from each latent to the next, from the last to the first.

  Args:
    z: [n, latent], n at least 2.
    count: steps from one to the next.

  Returns:
    [n * count, latent]; the first is z[0], and a step after the last is too.

  Raises:
    UserError: one latent, from which no way leads to another.
  """
  if len(z) < 2:
    raise UserError(f'a walk between {len(z)} latent: at least 2 (--n=2, or '
                    'in --latents) would be right')
  z = np.asarray(z)
  return _between(z, np.roll(z, -1, 0), jnp.linspace(0., 1., count,
                                                     endpoint=False))


def _between(a, b, t):
  """Spherical interpolation (slerp; Shoemake, 1985).

  Along the great circle between them, the norm of latents stays typical of
  those seen in training. Between parallel ones it is a straight line.

  a, b: [n, latent]; t: [count] in [0, 1] -> [n * count, latent].
  """
  a, b = (jnp.asarray(x, jnp.float32)[:, None] for x in (a, b))
  t = t[None, :, None]
  length = (jnp.linalg.norm(a, axis=-1, keepdims=True)
            * jnp.linalg.norm(b, axis=-1, keepdims=True))
  cosine = jnp.sum(a * b, -1, keepdims=True) / jnp.maximum(length, 1e-12)
  angle = jnp.arccos(jnp.clip(cosine, -1., 1.))
  sine = jnp.sin(angle)
  straight = sine < 1e-4
  sine = jnp.where(straight, 1., sine)
  z = jnp.where(straight, (1 - t) * a + t * b,
                (jnp.sin((1 - t) * angle) * a + jnp.sin(t * angle) * b) / sine)
  return z.reshape(-1, a.shape[-1])
