"""Writes images of a trained generator: a grid, files, an array or a video.

--out=FILE.png gets one grid, FILE.npz an array 'images' [n, h, w, c], and a
name without suffix becomes a folder of n PNG files. FILE.gif, .webp and .mp4
show a walk from one latent vector to the next and back to the first.

Of a generator with classes there are as many images of each, in rows, at most
--n of all, or with --classes that many of each; a walk is of one class.
"""
import logging
import pathlib

import numpy as np

from jgan import build, classes, trained
from jgan import flags as common
from jgan.errors import UserError
from jgan.files import replacing
from jgan.flags import Flag
from jgan.report import grid, video
from jgan.run import restore
from jgan.score import latents, networks, samples
from jgan.styles import COUNT, Styles
from jgan.workdir import output, refuse_present

FLAGS = (
    common.CONFIG._replace(required=False),
    common.WORKDIR._replace(required=False),
    common.OUT._replace(required=False, help='What to write: .png, .npz, a '
                        'folder, .gif, .webp or .mp4; else sample.png in '
                        '--workdir.'),
    Flag('n', -1, 'How many images (with --interpolate: rows; of a video: '
         'latent vectors that it passes); -1: 64, of a video 8.'),
    Flag('seed', 0, 'Seed of the latent vectors.'),
    Flag('classes', (), 'Names or numbers of classes, as cat,dog: --n images '
         'of each, 8 by default, in a row.'),
    Flag('latents', '', 'Latent vectors instead of --n and --seed: .npy or '
         '.npz, [n, latent].'),
    Flag('interpolate', 0, 'Images per row, or frames, from one latent vector '
         'to another; 0: no interpolation, in a video 24 frames.'),
    Flag('fps', 24., 'Frames per second of a video.'),
    Flag('truncation', 1., 'StyleGAN2: styles at this part of their distance '
         'to the average style; 1: as they are.'),
    Flag('mixing', '', 'StyleGAN2: a table of n x n images with the styles of '
         'these layers from the image above: coarse, middle, fine or FROM:TO.'),
    common.STEP, common.BEST, common.ONLINE, common.PARAMS, common.OVERWRITE,
)
_OF_VIDEO = {'n': 8, 'interpolate': 24}
_OF_TABLE, _OF_CLASS = 6, 8

log = logging.getLogger(__name__)


def run(config, flags):
  """Samples from the checkpoint, or the file, that the flags choose."""
  if not (flags.out or flags.workdir):
    raise UserError('--mode=sample needs --workdir, or --out and --params')
  out = pathlib.Path(flags.out or pathlib.Path(flags.workdir) / 'sample.png')
  _refuse_impossible(flags, out)
  config, net = chosen(config, flags)
  is_video = out.suffix in video.SUFFIXES
  if flags.interpolate or is_video:
    config = with_equal_noise(config)
  n = flags.n if flags.n != -1 else (
      _OF_VIDEO['n'] if is_video else _OF_TABLE if flags.mixing else 64)
  interpolate = flags.interpolate or (is_video and _OF_VIDEO['interpolate'])
  method, mixed = build.method(config), None
  if flags.truncation != 1. or flags.mixing:
    styles = Styles(config, 'mixing' if flags.mixing else 'truncation')
    mixed = styles.range(flags.mixing) if flags.mixing else None
    if flags.truncation != 1.:
      log.info('truncation towards the mean of %s styles of a fixed seed: '
               'training keeps no average', f'{COUNT:,}')
    method = method._replace(
        sample=styles.sampled(net, truncation=flags.truncation, mixed=mixed),
        latent=method.latent * (2 if mixed else 1))
  width = method.latent // (2 if mixed else 1)
  z = latents.of_file(flags.latents, width) if flags.latents else None
  told, columns = None, 0
  if flags.classes or config.data.labels:
    if is_video or flags.mixing:
      told = _one(config, flags, n if z is None else len(z))
    elif interpolate or z is not None:
      told = _of_rows(config, flags, n if z is None else len(z))
    else:
      told, columns = _grid(config, flags)
      n = len(told)
  count = (len(z) if flags.latents else n)
  sampler = networks.sampler_of(
      config, method, most=(count**2 if mixed else
                            count * max(interpolate, 1)))
  path = write(sampler, net, out, n=n, seed=flags.seed, z=z,
               interpolate=interpolate, fps=flags.fps, mixed=bool(mixed),
               told=told, columns=columns, overwrite=flags.overwrite)
  return f'{path}\n'


def _grid(config, flags):
  """The labels of a grid with a row for each class, and its columns."""
  if not flags.classes:
    return classes.by_row(classes.count(config),
                          64 if flags.n == -1 else flags.n)
  columns = _OF_CLASS if flags.n == -1 else flags.n
  wanted = classes.chosen(config, flags.classes)
  return np.repeat(wanted, columns), columns


def _of_rows(config, flags, n):
  """The labels of n latent vectors or rows: the classes in turn."""
  return np.resize(classes.chosen(config, flags.classes) if flags.classes else
                   np.arange(classes.count(config), dtype=np.int32), n)


def _one(config, flags, n):
  """The labels of n latent vectors that are all of one class."""
  told = classes.chosen(config, flags.classes) if flags.classes else ()
  if len(told) != 1:
    raise UserError(f'--classes={",".join(flags.classes)}: a video, or a table '
                    'of --mixing, is of one class, as --classes='
                    f'{config.classes.names[0]}')
  return np.resize(told, n)


def chosen(config, flags):
  """The config and the generator that the flags choose: -> config, Network."""
  if flags.params:
    common.refuse_together(flags, FLAGS, 'params', 'step', 'best', 'online')
    g = trained.of_file(flags.params, config)
    return g.config, g.net
  common.require_run(config, flags)
  _, state = restore.chosen(config, flags)
  return config, state.gen if flags.online else state.ema


def with_equal_noise(config):
  """The config with the same noise in all images, for neighbouring latents.

  Its variables are the same; a generator without noise has no such key.
  """
  if 'stored_noise' not in config.generator:
    return config
  config = config.copy_and_resolve_references().unlock()
  config.generator.stored_noise = True
  return config.lock()


def _refuse_impossible(flags, out):
  """Refuses flags that do not go together."""
  if flags.latents:
    common.refuse_together(flags, FLAGS, 'latents', 'n', 'seed')
  if out.suffix not in video.SUFFIXES and flags.fps != 24.:
    raise UserError(f'--fps={flags.fps:g} is of a video, and --out={out} is '
                    f'none: {", ".join(video.SUFFIXES)} are')
  if not np.isfinite(flags.truncation):
    raise UserError(f'--truncation={flags.truncation}: a number, as .7, would '
                    'be right')
  if flags.mixing:
    common.refuse_together(flags, FLAGS, 'mixing', 'interpolate')
    if out.suffix != '.png':
      raise UserError(f'--mixing makes a table of images, and --out={out} is '
                      'no .png')


def write(sampler, net, out, *, n=64, seed=0, z=None, interpolate=0, fps=24.,
          mixed=False, told=None, columns=0, overwrite=False):
  """Writes images of one generator.

  Args:
    sampler: Sampler.
    net: the generator, averaged or not.
    out: FILE.png for one grid, FILE.npz for an array 'images' [n, h, w, c],
      FILE.gif, .webp or .mp4 for a walk, or a folder for n PNG files.
    n: number of images; with `interpolate`, of rows; of a walk, of latents.
    seed: of the latent vectors.
    z: [n, latent], latent vectors instead of those of `n` and `seed`; with
      `interpolate`, rows go from each to the next.
    interpolate: number of images in each row of the grid, from one latent
      vector to another, or of frames; 0 for independent images.
    fps: frames per second of a walk.
    mixed: the sampler takes pairs of latents: a table of all pairs of `n`.
    told: [n] labels of the latent vectors, or of the rows; None without.
    columns: of a grid; 0: any.
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
  path = pathlib.Path(out)
  with output(out):
    if path.suffix in video.SUFFIXES:
      return _walk(sampler, net, path, n, seed, z, interpolate, fps, told)
    images, own = _images(sampler, net, n, seed, z, interpolate, mixed, told)
    return _write(path, images, own or columns)


def _images(sampler, net, n, seed, z, interpolate, mixed, told):
  """The images of a grid, and the number of its columns (0: any)."""
  of = lambda z, told=told: samples.joined(sampler.of(net, z, told), len(z))
  if mixed:
    if z is None:
      z = np.asarray(samples.noise(np.uint32(seed), 0, n, sampler.latent // 2))
    same = None if told is None else told[:1]
    return _table(lambda z: of(z, same if same is None else np.resize(
        same, len(z))), z), len(z) + 1
  if interpolate:
    if z is None:
      ends = latents.pairs(seed, n, sampler.latent)
    elif len(z) < 2:
      raise UserError('--latents holds 1 vector: --interpolate needs 2 or more')
    else:
      ends = z[:-1], z[1:]
    told = None if told is None else np.repeat(told[:len(ends[0])], interpolate)
    return of(latents.rows(*ends, interpolate), told), interpolate
  return (sampler.array(net, n, seed, told) if z is None else of(z)), 0


def _table(of, z):
  """[(n + 1)^2, h, w, c]: images of all pairs of latents, as a table.

  The first row and column are the images of the latents themselves, with white
  in the corner.
  """
  own = of(np.concatenate([z, z], 1))
  left, above = np.repeat(z, len(z), 0), np.tile(z, (len(z), 1))
  mixed = of(np.concatenate([left, above], 1)).reshape(len(z), *own.shape)
  white = np.full_like(own[:1], 255 if own.dtype == np.uint8 else 1)
  return np.concatenate([white, own] + [
      part for row, image in zip(mixed, own) for part in (image[None], row)])


def _walk(sampler, net, path, n, seed, z, interpolate, fps, told):
  """Writes a video; its frames are made in pieces."""
  if z is None:
    z = np.asarray(samples.noise(np.uint32(seed), 0, n, sampler.latent))
  z = np.asarray(latents.loop(z, interpolate))
  of = lambda part: sampler.of(net, part, None if told is None else np.resize(
      told[:1], len(part)))
  path.parent.mkdir(parents=True, exist_ok=True)
  video.save(path, (image for start in range(0, len(z), sampler.batch)
                    for image in samples.joined(
                        of(z[start:start + sampler.batch]),
                        len(z[start:start + sampler.batch]))), fps)
  return path


def _write(path, images, columns):
  path.parent.mkdir(parents=True, exist_ok=True)
  if path.suffix == '.png':
    grid.save_png(path, grid.grid(images, columns=columns))
  elif path.suffix == '.npz':
    with replacing(path) as part:
      np.savez_compressed(part, images=images)
  elif path.suffix:
    raise UserError(f"--out={path} ends in '{path.suffix}': .png for a grid, "
                    '.npz for an array, no ending for a folder of PNG files, '
                    f'{", ".join(video.SUFFIXES)} for a video')
  else:
    path.mkdir(exist_ok=True)
    for earlier in path.glob('[0-9]' * 6 + '.png'):
      earlier.unlink()
    for i, image in enumerate(images):
      grid.save_png(path / f'{i:06d}.png', image)
  return path
