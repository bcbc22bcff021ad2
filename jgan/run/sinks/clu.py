"""Metric writers of clu, which need TensorFlow.

`summary` writes TensorBoard files into clu/, `logging` lines into absl's log.
"""
from jgan import lookup
from jgan.errors import UserError
from jgan.run.sinks._sink import Sink
from jgan.run.sinks.tensorboard import Board

_WRITERS = {
    'summary': lambda module, folder: module.SummaryWriter(str(folder)),
    'logging': lambda module, folder: module.LoggingWriter(),
}


class Written(Sink):
  """Gives all to some writers of clu."""

  def __init__(self, writers, failure):
    """failure: the exception of TensorFlow."""
    self._writers, self._failure = writers, failure

  def scalars(self, step, values):
    """Writes a record."""
    self._each('write_scalars', step, values)

  def speed(self, step, values):
    """Writes rates, under speed/."""
    self.scalars(step, {f'speed/{k}': v for k, v in values.items()})

  def image(self, step, name, image):
    """Writes an image: uint8 [h, w, c]."""
    self._each('write_images', step, {name: image[None]})

  def flush(self):
    """Waits until all is on the disk."""
    self._each('flush')

  def close(self):
    """Closes the writers."""
    self._each('close')

  def _each(self, method, *arguments):
    """Calls a method of each writer; OSError if TensorFlow cannot write."""
    for writer in self._writers:
      try:
        getattr(writer, method)(*arguments)
      except self._failure as error:
        raise OSError(f"TensorFlow, for sink 'clu': {error}") from error


def check(*, writers=('summary',)):
  """Refuses unknown writers, and an environment without TensorFlow.

  Raises:
    UserError: either of them.
  """
  for name in writers:
    if name not in _WRITERS:
      raise UserError(f"sink 'clu' has no writer '{name}': "
                      f'{lookup.nearest(name, _WRITERS)}')
  _module()


def make(run, *, writers=('summary',)):
  """The sink of a Run; writers: of summary, logging."""
  module, failure = _module()
  folder = run.folder / 'clu'
  if 'summary' in writers:
    # clu's writers do not say where a session begins: a file before theirs
    # does, at which TensorBoard drops later steps of earlier sessions.
    Board(folder, run.step).close()
  return Written([_WRITERS[name](module, folder) for name in writers], failure)


def _module():
  """clu's module of writers, and the exception of TensorFlow."""
  try:
    import tensorflow as tf  # some 15 seconds
    from clu import metric_writers
  except ImportError as error:
    raise UserError("sink 'clu' needs TensorFlow: pip install tensorflow "
                    "installs it, the extra 'clu' of jgan; the sink "
                    f"'tensorboard' does without ({error})") from error
  return metric_writers, tf.errors.OpError
