"""Writes images of a trained generator: a grid, files or an array.

--out=FILE.png gets one grid, FILE.npz an array 'images' [n, h, w, c], and a
name without suffix becomes a folder of n PNG files.
"""
import pathlib
from types import SimpleNamespace

import numpy as np

from jgan import build, weights
from jgan import flags as common
from jgan.errors import UserError
from jgan.files import replacing
from jgan.flags import Flag
from jgan.report import grid
from jgan.run import restore
from jgan.score import networks, samples
from jgan.workdir import refuse_present

FLAGS = (
    common.CONFIG, common.WORKDIR._replace(required=False),
    common.OUT._replace(required=False, help='What to write: .png, .npz or a '
                        'folder; else sample.png in --workdir.'),
    Flag('n', 64, 'How many images (with --interpolate: rows).'),
    Flag('seed', 0, 'Seed of the latent vectors.'),
    Flag('interpolate', 0, 'Images per row, from one latent vector to '
         'another; 0: no interpolation.'),
    common.STEP, common.BEST, common.ONLINE, common.PARAMS, common.OVERWRITE,
)


def run(config, flags):
  """Samples from the checkpoint, or the file, that the flags choose."""
  if not (flags.out or flags.workdir):
    raise UserError('--mode=sample needs --workdir, or --out and --params')
  if flags.params:
    common.refuse_together(flags, FLAGS, 'params', 'step', 'best', 'online')
    method = build.method(config)
    net = weights.warm_start(
        build.abstract(config, method),
        SimpleNamespace(generator=flags.params, discriminator='')).ema
  else:
    if not flags.workdir:
      raise UserError('--mode=sample needs --workdir, or --params=FILE')
    method, state = restore.chosen(config, flags)
    net = state.gen if flags.online else state.ema
  out = flags.out or pathlib.Path(flags.workdir) / 'sample.png'
  sampler = networks.sampler_of(
      config, method, most=flags.n * max(flags.interpolate, 1))
  path = write(sampler, net, out, n=flags.n, seed=flags.seed,
               interpolate=flags.interpolate, overwrite=flags.overwrite)
  return f'{path}\n'


def write(sampler, net, out, *, n=64, seed=0, interpolate=0, overwrite=False):
  """Writes images of one generator.

  Args:
    sampler: Sampler.
    net: the generator, averaged or not.
    out: FILE.png for one grid, FILE.npz for an array 'images' [n, h, w, c],
      or a folder for n PNG files.
    n: number of images; with `interpolate`, of rows.
    seed: of the latent vectors.
    interpolate: number of images in each row of the grid, from one latent
      vector to another; 0 for independent images.
    overwrite: replace an earlier file, or the numbered images of a folder.

  Returns:
    The path written.

  Raises:
    UserError: n < 1, interpolate < 0 or 1, a seed that is no uint32, or `out`
      cannot be written or is there already.
  """
  if n < 1 or interpolate < 0 or interpolate == 1:
    raise UserError(f'--n={n} --interpolate={interpolate}: n is at least 1, '
                    'interpolate 0 (none) or at least 2')
  if not 0 <= seed < 2**32:
    raise UserError(f'--seed={seed}: it is at least 0 and below {2**32}')
  if not overwrite:
    refuse_present(out)
  if interpolate:
    z = samples.interpolation(seed, n, interpolate, sampler.latent)
    images = samples.joined(sampler.of(net, z), len(z))
  else:
    images = sampler.array(net, n, seed)
  path = pathlib.Path(out)
  try:
    return _write(path, images, interpolate)
  except OSError as error:
    raise UserError(f'cannot write --out={out}: {error}') from error


def _write(path, images, columns):
  path.parent.mkdir(parents=True, exist_ok=True)
  if path.suffix == '.png':
    grid.save_png(path, grid.grid(images, columns=columns))
  elif path.suffix == '.npz':
    with replacing(path) as part:
      np.savez_compressed(part, images=images)
  elif path.suffix:
    raise UserError(f"--out={path} ends in '{path.suffix}': .png for a grid, "
                    '.npz for an array, no ending for a folder of PNG files')
  else:
    path.mkdir(exist_ok=True)
    for earlier in path.glob('[0-9]' * 6 + '.png'):
      earlier.unlink()
    for i, image in enumerate(images):
      grid.save_png(path / f'{i:06d}.png', image)
  return path
