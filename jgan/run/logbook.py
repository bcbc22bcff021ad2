"""The record of a run: metrics.jsonl, and the sinks that config.log names.

metrics.jsonl contains nothing that depends on time, so a run that was killed
and resumed writes the same file as an uninterrupted one. It is no sink: every
run has it, because resuming, curves and reports read it.
"""
import contextlib
import pathlib

from jgan import config as configs
from jgan import observers
from jgan.run.sinks._sink import Run
from jgan.workdir import cut, is_numbers, json_line, records


def read(workdir):
  """The records of a run: a list of dicts with 'step'."""
  return records(pathlib.Path(workdir) / 'metrics.jsonl', 'step', fits=_fits)


class Logbook:
  """Writes the records of a run, from `step` of an earlier session on."""

  def __init__(self, workdir, step, config, *, due=False):
    """Opens the files of `workdir`; drops records after `step`.

    config: completed, of the run.
    due: the evaluation of `step` is still to be done; its record is dropped.
    """
    folder = pathlib.Path(workdir)
    cut(folder / 'metrics.jsonl', lambda r: r['step'] < step or (
        r['step'] == step and not (due and _is_of_scores(r))), fits=_fits)
    run = Run(folder, configs.plain(config), step)
    with contextlib.ExitStack() as stack:
      self._file = stack.enter_context((folder / 'metrics.jsonl').open('a'))
      self._sinks = []
      for make in observers.sinks(config):
        self._sinks.append(make(run))
        stack.callback(self._sinks[-1].close)
      self._open = stack.pop_all()

  def write(self, step, values):
    """Appends one record and flushes the file."""
    self._file.write(json_line({'step': step, **values}))
    self._file.flush()
    for sink in self._sinks:
      sink.scalars(step, values)

  def speed(self, step, values):
    """Gives rates to the sinks only, because they depend on time."""
    for sink in self._sinks:
      sink.speed(step, values)

  def image(self, step, name, image):
    """Gives an image to the sinks: uint8 [h, w, c]."""
    for sink in self._sinks:
      sink.image(step, name, image)

  def flush(self):
    """Brings the files of all sinks up to date."""
    for sink in self._sinks:
      sink.flush()

  def close(self):
    """Closes all files, also those after one that cannot be written."""
    self._open.close()


def _is_of_scores(record):
  """Whether a record is of an evaluation, or of an examination after it."""
  return any(name.startswith(('eval/', 'cost/', 'probe/', 'doctor/',
                              'evolution/'))
             for name in record)


def _fits(record):
  return is_numbers(record.values())
