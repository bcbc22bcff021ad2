"""Further outputs of the log, by metric writers of clu: config.log.writers.

They are imported only if a config names them, because they need TensorFlow,
which no other part of jgan needs.
"""
from jgan import lookup
from jgan.errors import UserError

WRITERS = {
    'summary': lambda module, folder: module.SummaryWriter(str(folder / 'clu')),
    'logging': lambda module, folder: module.LoggingWriter(),
}
"""By name: TensorBoard files in WORKDIR/clu, and lines in absl's log."""


def check(names):
  """Refuses unknown writers, and writers that cannot be imported.

  Raises:
    UserError: an unknown name, or TensorFlow is not installed.
  """
  for name in names:
    if name not in WRITERS:
      raise UserError(f"config.log.writers has no '{name}': "
                      f'{lookup.nearest(name, WRITERS)}')
  if names:
    _module(names)


def opened(names, folder):
  """List of the writers called `names`, for a run in `folder`."""
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
