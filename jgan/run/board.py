"""TensorBoard's event file of one session of a run.

Events are written by the caller: tensorboardX's own writer does so in a thread
whose failure, on a full disk, would leave the caller waiting for ever.
"""
import time

from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto import event_pb2


class Board:
  """Writes scalars and images for TensorBoard; OSError on a full disk."""

  def __init__(self, folder, resumed=0):
    """Opens a new event file in `folder`, a Path.

    resumed: TensorBoard ignores what earlier sessions wrote after this step;
      0 if there was none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    self._events = EventsWriter(str(folder / 'events'))
    if resumed:
      self._write(resumed + 1, session_log=event_pb2.SessionLog(
          status=event_pb2.SessionLog.START))

  def scalar(self, step, name, value):
    """Adds a number to the curve called `name`."""
    self._write(step, summary=summary.scalar(name, value))

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
