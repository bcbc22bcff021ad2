"""metrics.csv: a column per metric, empty at steps without it.

It is written anew from metrics.jsonl with every checkpoint and at the end.
"""
import csv
import io

from jgan.run.logbook import read
from jgan.run.sinks._sink import Sink
from jgan.workdir import write_text


class Table(Sink):
  """Writes metrics.csv into `folder`, a Path."""

  def __init__(self, folder):
    self._folder = folder

  def flush(self):
    """Replaces the file atomically."""
    logged = read(self._folder)
    columns = ['step', *sorted({k for r in logged for k in r} - {'step'})]
    table = io.StringIO()
    writer = csv.DictWriter(table, columns, lineterminator='\n')
    writer.writeheader()
    writer.writerows(logged)
    write_text(self._folder / 'metrics.csv', table.getvalue())

  def close(self):
    """As `flush`."""
    self.flush()


def make(run):
  """The sink of a Run."""
  return Table(run.folder)
