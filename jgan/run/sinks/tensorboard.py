"""tensorboard/: an event file of each session, for TensorBoard.

Scalars, rates, sample grids, and the config, as a text and as hyper-parameters:
`tensorboard --logdir` of a folder of runs compares them under HPARAMS.

Events are written by the caller: tensorboardX's own writer does so in a thread
whose failure, on a full disk, would leave the caller waiting for ever.
"""
import json
import time

import flax
from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto import event_pb2

from jgan.run.sinks._sink import Sink


class Board(Sink):
  """Writes an event file; OSError on a full disk."""

  def __init__(self, folder, resumed=0):
    """Opens a new event file in `folder`, a Path.

    resumed: TensorBoard ignores what earlier sessions wrote after this step;
      0 if there was none. It does so from the second START on that it reads, so
      each session has one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # A name has the second it is made in, and sessions may be shorter.
    count = len([*folder.iterdir()])
    self._events = EventsWriter(str(folder / 'events'),
                                f'.{count:05}' if count else '')
    self._write(resumed + 1, session_log=event_pb2.SessionLog(
        status=event_pb2.SessionLog.START))

  def config(self, step, config):
    """Adds a config, of JSON types: a text, and at step 0 hyper-parameters."""
    text = json.dumps(config, indent=2, sort_keys=True)
    indented = '\n'.join(f'    {line}' for line in text.splitlines())
    self._write(step, summary=summary.text('config', indented))  # Markdown
    if not step:
      flat = flax.traverse_util.flatten_dict(config, sep='.')
      _, start, _ = summary.hparams(
          {key: value if isinstance(value, bool | int | float | str)
           else json.dumps(value) for key, value in flat.items()}, {})
      self._write(step, summary=start)

  def scalars(self, step, values):
    """Adds a number to the curve of each name."""
    for name, value in values.items():
      self._write(step, summary=summary.scalar(name, value))

  def speed(self, step, values):
    """As `scalars`, under speed/."""
    self.scalars(step, {f'speed/{k}': v for k, v in values.items()})

  def image(self, step, name, image):
    """Adds an image: uint8 [h, w, c]."""
    self._write(step, summary=summary.image(name, image, dataformats='HWC'))

  def flush(self):
    """Waits until all events are on the disk."""
    self._events.flush()

  def close(self):
    """Writes what is pending and closes the file."""
    self._events.close()

  def _write(self, step, **content):
    self._events.write_event(event_pb2.Event(
        wall_time=time.time(), step=step, **content))


def make(run):
  """The sink of a Run."""
  board = Board(run.folder / 'tensorboard', run.step)
  board.config(run.step, run.config)
  return board
