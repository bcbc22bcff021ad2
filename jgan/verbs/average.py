"""Writes an average of a generator's weights that was not kept in training.

Of a run with config.ema.power: any width --sigma, and any checkpoint, by the
averages in RUN/averages up to it (post-hoc EMA, jgan/power.py). The file can be
--params of sample, evaluate and export. Statistics that are not averaged, as of
batch normalisation, are those of the checkpoint's average.
"""
import logging
import pathlib

import jax
import numpy as np

from jgan import about, build, power, weights
from jgan import flags as common
from jgan.errors import UserError
from jgan.files import replacing
from jgan.flags import Flag
from jgan.run import restore, snapshots
from jgan.types import Network
from jgan.workdir import output, refuse_present

log = logging.getLogger(__name__)

_FAR = .2  # of a profile's norm: such an average is another one
FLAGS = (
    common.CONFIG, common.WORKDIR,
    common.OUT._replace(help='FILE.safetensors or .npz.'),
    Flag('sigma', .075, 'The relative width of the average in time, above 0.'),
    common.STEP, common.BEST, common.OVERWRITE,
)


def run(config, flags):
  """Averages up to the checkpoint that the flags choose: -> text."""
  if not flags.overwrite:
    refuse_present(flags.out)
  weights.suffix(flags.out, weights.SUFFIXES)
  if not config.ema.power:
    raise UserError(f'the run in {flags.workdir} has no averages to choose '
                    'from: with config.ema.power=(.05,.1) it would have')
  method, state = restore.chosen(config, flags)
  net, steps, off = averaged(config, jax.device_get(state), flags.workdir,
                             flags.sigma)
  if off > _FAR:
    log.warning('the profile of this average over time is %.0f %% from that of '
                '--sigma=%g, the nearest that the stored ones make: a width '
                'nearer to config.ema.power=%s, or a shorter '
                'config.ema.snapshots in training, would be right', 100 * off,
                flags.sigma, config.ema.power)
  path = pathlib.Path(flags.out)
  entries = about.strings(
      config, network='generator', weights='average', step=int(state.step),
      image=build.spec(config).shape, latent=method.latent)
  with output(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
      weights.save(net, part, entries)
  return (f'{path}\nstep {int(state.step):,}, sigma {flags.sigma:g}, of '
          f'averages at {len(steps)} steps from {steps[0]:,}, {off:.1%} from '
          'its profile\n')


def averaged(config, state, workdir, sigma):
  """The generator averaged by a width up to the step of a state.

  Args:
    config: completed; of the run.
    state: GanState of numpy arrays; its own averages are used too.
    workdir: folder of the run.
    sigma: the width.

  Returns:
    Network, the steps whose averages were used, ascending, and how far their
    sum is from the profile of the width (power.distance).

  Raises:
    UserError: the width is impossible, or a file is damaged.
  """
  step, k = int(state.step), power.exponent(sigma)
  own, sigmas = state.extra['averages'], config.ema.power
  files = snapshots.files(workdir, step)
  steps = [*files, step]
  stored_as = [*zip(*snapshots.profiles(sigmas, steps), strict=True)]
  weighed = power.weights(*stored_as, step, k)
  off, shares = power.distance(*stored_as, step, k, weighed), iter(weighed)
  total = jax.tree.map(lambda x: np.zeros(np.shape(x)), state.gen.params)
  for at in steps:
    stored = snapshots.read(files[at], own) if at in files else own
    for width in sigmas:
      share = next(shares)
      total = jax.tree.map(lambda a, b, s=share: a + s * np.float64(b), total,
                           stored[power.name(width)])
  params = jax.tree.map(lambda a, b: np.asarray(a, b.dtype), total,
                        state.gen.params)
  return Network(params, state.ema.stats), steps, off
