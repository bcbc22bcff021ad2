"""States from a run's folder, for verbs that use a trained network."""
import contextlib

from jgan import build
from jgan.errors import UserError
from jgan.run.checkpoint import Checkpoints
from jgan.workdir import checkpoints, runs_of_seeds


@contextlib.contextmanager
def reader(config, method, workdir):
  """Opens the checkpoints of a workdir to read them.

  Args:
    config: completed; of the run.
    method: Method of the config.
    workdir: the run's folder.

  Yields:
    steps: of the checkpoints, ascending.
    choose: (step=-1, best=False) -> the GanState of the checkpoint of `step`,
      of the newest one, or of the best one.

  Raises:
    UserError: the workdir has no checkpoints.
  """
  folder = checkpoints(workdir)
  if runs := runs_of_seeds(workdir):
    raise UserError(f'{workdir} has the runs of {len(runs)} seeds: '
                    f'--workdir={runs[0]} is one of them')
  if not folder.is_dir():
    raise UserError(f'no checkpoints in {workdir}: train that run first, by '
                    '--mode=train')
  like = build.abstract(config, method)
  with contextlib.closing(Checkpoints(folder, read_only=True)) as saved:
    yield saved.steps(), lambda **which: saved.choose(like, **which)


def chosen(config, flags):
  """The Method of a run, and the GanState that a command's flags choose.

  Args:
    config: completed; of the run.
    flags: values of flags.WORKDIR, STEP and BEST.

  Raises:
    UserError: as `state_of`.
  """
  method = build.method(config)
  return method, state_of(config, method, flags.workdir, step=flags.step,
                          best=flags.best)


def state_of(config, method, workdir, *, step=-1, best=False):
  """The GanState of one checkpoint: the newest, the best, or that of `step`.

  Raises:
    UserError: there is no such checkpoint, or it is damaged.
  """
  with reader(config, method, workdir) as (_, choose):
    return choose(step=step, best=best)
