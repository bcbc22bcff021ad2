"""Writers of clu as further places for the log: config.log.writers.

They are imported only where a config names them: clu's need TensorFlow, which
nothing else of jgan does.
"""
from jgan import lookup
from jgan.errors import UserError

WRITERS = {
    'summary': lambda module, folder: module.SummaryWriter(str(folder / 'clu')),
    'logging': lambda module, folder: module.LoggingWriter(),
}
"""By name: TensorBoard files in WORKDIR/clu, and lines in absl's log."""


def check(names):
  """Refuses writers that there are not, or that cannot be imported here.

  Raises:
    UserError: an unknown name, or no TensorFlow.
  """
  for name in names:
    if name not in WRITERS:
      raise UserError(f"config.log.writers has no '{name}': "
                      f'{lookup.nearest(name, WRITERS)}')
  if names:
    _module(names)


def opened(names, folder):
  """The writers called `names`, of a run in `folder`: a list."""
  return [WRITERS[name](_module(names), folder) for name in names]


def _module(names):
  try:
    from clu import metric_writers  # loads TensorFlow, some 15 seconds
  except ImportError as error:
    raise UserError(
        f'config.log.writers={tuple(names)} are writers of clu, which need '
        f'TensorFlow: {error}. Install tensorflow and tensorboard, or leave '
        'the list empty: metrics.jsonl, metrics.csv and TensorBoard files are '
        'written without them') from error
  return metric_writers
