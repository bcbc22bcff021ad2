"""The states in a run's folder, for what looks at a trained network."""
import contextlib

from jgan import build
from jgan.errors import UserError
from jgan.run.checkpoint import Checkpoints
from jgan.workdir import checkpoints


@contextlib.contextmanager
def reader(config, method, workdir):
  """Opens the checkpoints of a workdir to read them.

  Args:
    config: completed; of the run.
    method: Method of it.
    workdir: the run's folder.

  Yields:
    steps: of the checkpoints, ascending.
    choose: (step=-1, best=False) -> the GanState of that checkpoint, of the
      newest, or of the best.

  Raises:
    UserError: there are none.
  """
  folder = checkpoints(workdir)
  if not folder.is_dir():
    raise UserError(f'no checkpoints in {workdir}: train that run first, by '
                    '--mode=train')
  like = build.abstract(config, method)
  with contextlib.closing(Checkpoints(folder, read_only=True)) as saved:
    yield saved.steps(), lambda **which: saved.choose(like, **which)


def state_of(config, method, workdir, *, step=-1, best=False):
  """The GanState of one checkpoint: the newest, the best, or that of `step`.

  Raises:
    UserError: there is none such, or it is damaged.
  """
  with reader(config, method, workdir) as (_, choose):
    return choose(step=step, best=best)
