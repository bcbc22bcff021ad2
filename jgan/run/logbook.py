"""The record of a run: metrics.jsonl, metrics.csv and TensorBoard.

metrics.jsonl holds nothing that depends on the clock, so that a run that was
killed and resumed leaves the very file of the unbroken one.
"""
import csv
import io
import pathlib

from tensorboardX import SummaryWriter

from jgan.run import writers
from jgan.workdir import json_line, records, write_records, write_text


def read(workdir):
  """The records of a run: a list of dicts with 'step'."""
  return records(pathlib.Path(workdir) / 'metrics.jsonl')


class Logbook:
  """Writes a run's records, going on after `step` of an earlier session."""

  def __init__(self, workdir, step=0, names=()):
    """Opens the files of `workdir`; `names`: config.log.writers."""
    self._folder = pathlib.Path(workdir)
    write_records(self._folder / 'metrics.jsonl',
                  [r for r in read(workdir) if r['step'] <= step])
    self._file = open(self._folder / 'metrics.jsonl', 'a')  # noqa: SIM115
    self._board = SummaryWriter(str(self._folder / 'tensorboard'),
                                purge_step=step + 1 if step else None)
    self._writers = writers.opened(names, self._folder)

  def write(self, step, values):
    """Appends one record; it is on its way to the disk when this returns."""
    self._file.write(json_line({'step': step, **values}))
    self._file.flush()
    for name, value in values.items():
      self._board.add_scalar(name, value, step)
    for writer in self._writers:
      writer.write_scalars(step, values)

  def speed(self, step, values):
    """Rates go to TensorBoard only: they are not part of the result."""
    named = {f'speed/{name}': value for name, value in values.items()}
    for name, value in named.items():
      self._board.add_scalar(name, value, step)
    for writer in self._writers:
      writer.write_scalars(step, named)

  def image(self, step, name, image):
    """image: uint8 [h, w, c]."""
    self._board.add_image(name, image, step, dataformats='HWC')
    for writer in self._writers:
      writer.write_images(step, {name: image[None]})

  def tabulate(self):
    """Rewrites metrics.csv: one column per metric, empty where not logged."""
    logged = read(self._folder)
    columns = ['step', *sorted({k for r in logged for k in r} - {'step'})]
    table = io.StringIO()
    writer = csv.DictWriter(table, columns, lineterminator='\n')
    writer.writeheader()
    writer.writerows(logged)
    write_text(self._folder / 'metrics.csv', table.getvalue())

  def close(self):
    """Writes the table and lets go of the files."""
    self._file.close()
    self._board.close()
    for writer in self._writers:
      writer.close()
    self.tabulate()
