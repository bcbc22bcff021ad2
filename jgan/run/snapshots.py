"""Averages of the generator that are stored while it trains: RUN/averages/.

STEP.safetensors has the averages of config.ema.power after a step, an array
'WIDTH/...' for each of the generator's parameters; --mode=average makes others
of them (jgan/power.py).
"""
import math
import pathlib

import flax
import numpy as np
import safetensors.numpy

from jgan import arrays, power
from jgan.errors import UserError
from jgan.files import replacing
from jgan.run import parallel


def every(config):
  """Steps between two files; 0: none are written."""
  if not config.ema.power:
    return 0
  return config.ema.snapshots or config.checkpoint.every


def write(workdir, step, state):
  """Writes the averages after a step, replacing a file of the same step.

  It is written before the checkpoint of its step, as pair.write.

  Args:
    workdir: Path of the run.
    step: of the state.
    state: GanState with averages.
  """
  folder = workdir / 'averages'
  folder.mkdir(exist_ok=True)
  averages = parallel.local(state.extra['averages'])
  flat = flax.traverse_util.flatten_dict(averages, sep='/')
  with replacing(folder / f'{step:08d}.safetensors') as part:
    part.write_bytes(safetensors.numpy.save(
        {key: np.asarray(x, order='C') for key, x in flat.items()}))


def go_on(workdir, start):
  """Drops the files of steps after `start`: a session writes them again.

  With another interval or rate it writes others, and these would be mixed.
  """
  for step, path in files(workdir, math.inf).items():
    if step > start:
      path.unlink()


def files(workdir, before):
  """{step: path} of the files of steps below `before`, ascending."""
  paths = sorted((pathlib.Path(workdir) / 'averages').glob(
      '[0-9]*.safetensors'))
  return {int(path.stem): path for path in paths
          if path.stem.isdigit() and int(path.stem) < before}


def read(path, like):
  """The averages of a file: {width: params}.

  like: {width: params} of the run's state; the shapes that they must have.

  Raises:
    UserError: the file cannot be read, or is not one of this run.
  """
  flat = arrays.read(path)
  want = flax.traverse_util.flatten_dict(like, sep='/')
  shapes = lambda named: {key: np.shape(x) for key, x in named.items()}
  if shapes(flat) != shapes(want):
    wrong = sorted({*shapes(flat).items()} ^ {*shapes(want).items()})[0]
    raise UserError(f'{path} does not have the averages of this run: '
                    f'{wrong[0]}, {wrong[1]}, is in one of them only')
  return flax.traverse_util.unflatten_dict(flat, sep='/')


def profiles(sigmas, steps):
  """(step, exponent) of each stored average, in the order of the files.

  sigmas: config.ema.power.
  """
  return [(step, power.exponent(sigma)) for step in steps for sigma in sigmas]
