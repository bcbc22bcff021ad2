"""What a sink of the log is given, and what it may define."""
import pathlib
from typing import Any, NamedTuple


class Run(NamedTuple):
  """The run that a sink is made for.

  Attributes:
    folder: its workdir.
    config: completed, as JSON types.
    step: of the checkpoint that this session goes on from; 0: it begins.
  """
  folder: pathlib.Path
  config: dict[str, Any]
  step: int = 0


class Sink:
  """Takes what a run logs; a subclass defines the methods that it has use for.

  What cannot be written, as on a full disk, is raised as OSError, at the latest
  by `flush`: the run stops there, and goes on from its last checkpoint.
  """

  def scalars(self, step, values):
    """Takes the record that metrics.jsonl has just got: {name: number}.

    A resumed run writes those after its checkpoint again, with the same values
    in the same order.
    """

  def speed(self, step, values):
    """Takes rates, {name: number}, which no two sessions have alike."""

  def image(self, step, name, image):
    """Takes an image, uint8 [h, w, c]; called from another thread."""

  def flush(self):
    """Returns when all that was taken is on the disk, or was sent."""

  def close(self):
    """Closes what is open; nothing is called after it."""
