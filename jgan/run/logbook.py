"""The record of a run: metrics.jsonl, metrics.csv and TensorBoard.

metrics.jsonl contains nothing that depends on time, so a run that was killed
and resumed writes the same file as an uninterrupted one.
"""
import csv
import io
import pathlib

from jgan.run import writers
from jgan.run.board import Board
from jgan.workdir import cut, is_numbers, json_line, records, write_text


def read(workdir):
  """The records of a run: a list of dicts with 'step'."""
  return records(pathlib.Path(workdir) / 'metrics.jsonl', 'step', fits=_fits)


class Logbook:
  """Writes the records of a run, from `step` of an earlier session on."""

  def __init__(self, workdir, step=0, names=(), *, due=False):
    """Opens the files of `workdir`; drops records after `step`.

    names: config.log.writers.
    due: the evaluation of `step` is still to be done; its record is dropped.
    """
    self._folder = pathlib.Path(workdir)
    cut(self._folder / 'metrics.jsonl', lambda r: r['step'] < step or (
        r['step'] == step and not (due and _is_of_scores(r))), fits=_fits)
    self._file = open(self._folder / 'metrics.jsonl', 'a')  # noqa: SIM115
    self._board = Board(self._folder / 'tensorboard', step)
    self._writers = writers.opened(names, self._folder)

  def write(self, step, values):
    """Appends one record and flushes the file."""
    self._file.write(json_line({'step': step, **values}))
    self._file.flush()
    for name, value in values.items():
      self._board.scalar(step, name, value)
    for writer in self._writers:
      writer.write_scalars(step, values)

  def speed(self, step, values):
    """Writes rates to TensorBoard only, because they depend on time."""
    named = {f'speed/{name}': value for name, value in values.items()}
    for name, value in named.items():
      self._board.scalar(step, name, value)
    for writer in self._writers:
      writer.write_scalars(step, named)

  def image(self, step, name, image):
    """Adds an image to TensorBoard: uint8 [h, w, c]."""
    self._board.image(step, name, image)
    for writer in self._writers:
      writer.write_images(step, {name: image[None]})

  def tabulate(self):
    """Rewrites metrics.csv: a column per metric, empty at steps without it.

    TensorBoard's file is brought up to date too.
    """
    self._board.flush()
    logged = read(self._folder)
    columns = ['step', *sorted({k for r in logged for k in r} - {'step'})]
    table = io.StringIO()
    writer = csv.DictWriter(table, columns, lineterminator='\n')
    writer.writeheader()
    writer.writerows(logged)
    write_text(self._folder / 'metrics.csv', table.getvalue())

  def close(self):
    """Closes the files and writes metrics.csv."""
    self._file.close()
    self.tabulate()
    self._board.close()
    for writer in self._writers:
      writer.close()


def _is_of_scores(record):
  """Whether a record is of an evaluation."""
  return any(name.startswith(('eval/', 'cost/', 'probe/')) for name in record)


def _fits(record):
  return is_numbers(record.values())
