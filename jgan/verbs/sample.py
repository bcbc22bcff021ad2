"""The verb `sample`: images of a trained generator, as files."""
import pathlib

import jax
import jax.numpy as jnp
import numpy as np

from jgan.errors import UserError
from jgan.ops.quantize import to_uint8
from jgan.report import grid
from jgan.score import samples


def write(method, net, out, *, n=64, seed=0, batch=100, interpolate=0,
          dtype='uint8'):
  """Writes images of one generator.

  Args:
    method: Method.
    net: the generator, averaged or not.
    out: FILE.png for one grid, FILE.npz for [n, h, w, c] under 'images',
      else a folder for n PNG files.
    n: images; with `interpolate`, rows.
    seed: of the noise.
    batch: images made at a time.
    interpolate: images from one latent to the next in each row of the grid,
      0 for independent images.
    dtype: of the real images; where that is uint8 the samples are rounded.

  Returns:
    The path written.

  Raises:
    UserError: n or interpolate makes no sense, or `out` cannot be written.
  """
  if n < 1 or interpolate < 0 or interpolate == 1:
    raise UserError(f'--n={n} --interpolate={interpolate}: n is at least 1, '
                    'interpolate 0 (none) or at least 2')
  draw = jax.jit(method.sample)
  if interpolate:
    z = interpolation(seed, n, interpolate, method.latent)
    images = np.asarray(draw(net, z))
    images = to_uint8(images) if dtype == 'uint8' else images
  else:
    images = np.concatenate([*samples.fakes(
        draw, net, n, min(batch, n), method.latent, seed, dtype)])
  path = pathlib.Path(out)
  try:
    return _write(path, images, interpolate)
  except OSError as error:
    raise UserError(f'cannot write --out={out}: {error}') from error


def interpolation(seed, rows, count, latent):
  """Latents along great circles (Shoemake, 1985): [rows * count, latent].

  Each row goes from one normal draw to another; on the circle between them
  the norm stays what the generator was trained on.
  """
  ends = jax.random.normal(jax.random.key(seed), (2, rows, 1, latent))
  a, b = ends
  cosine = jnp.sum(a * b, -1, keepdims=True) / (
      jnp.linalg.norm(a, axis=-1, keepdims=True)
      * jnp.linalg.norm(b, axis=-1, keepdims=True))
  angle = jnp.arccos(jnp.clip(cosine, -1., 1.))
  t = jnp.linspace(0., 1., count)[None, :, None]
  z = (jnp.sin((1 - t) * angle) * a + jnp.sin(t * angle) * b) / jnp.sin(angle)
  return z.reshape(rows * count, latent)


def _write(path, images, columns):
  path.parent.mkdir(parents=True, exist_ok=True)
  if path.suffix == '.png':
    grid.save_png(path, grid.grid(images, columns=columns))
  elif path.suffix == '.npz':
    np.savez_compressed(path, images=images)
  elif path.suffix:
    raise UserError(f"--out={path} ends in '{path.suffix}': .png for a grid, "
                    '.npz for an array, no ending for a folder of PNG files')
  else:
    path.mkdir(exist_ok=True)
    for i, image in enumerate(images):
      grid.save_png(path / f'{i:06d}.png', image)
  return path
