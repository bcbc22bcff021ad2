"""Training time of a run: RUN/timing.jsonl.

A record has the seconds up to its step, over all sessions. Steps after the
last checkpoint of a killed session, which are repeated, count once. Training
includes compilation, sample grids and checkpoints, but not scoring.
"""
import pathlib
import time

from jgan.workdir import append, cut, is_numbers, records

_KEYS = ('step', 'training', 'scoring')


def read(workdir):
  """The records of a run: {'step', 'training', 'scoring'} in seconds."""
  return records(pathlib.Path(workdir) / 'timing.jsonl', *_KEYS, fits=_fits)


class Timing:
  """The clock of one session; it continues from `step` of the previous one."""

  def __init__(self, workdir, step=0):
    self._file = pathlib.Path(workdir) / 'timing.jsonl'
    earlier = cut(self._file, lambda r: r['step'] <= step, *_KEYS, fits=_fits)
    self._before = earlier[-1] if earlier else {'training': 0., 'scoring': 0.}
    self._began, self._scoring = time.perf_counter(), 0.

  def scored(self, seconds):
    """Adds to the time spent on scoring."""
    self._scoring += seconds

  def now(self):
    """Seconds of all sessions up to now: {'training', 'scoring'}."""
    elapsed = time.perf_counter() - self._began
    return {'training': self._before['training'] + elapsed - self._scoring,
            'scoring': self._before['scoring'] + self._scoring}

  def write(self, step):
    """Appends the record of a finished step."""
    append(self._file, {'step': step, **self.now()})


def _fits(record):
  return is_numbers(record[key] for key in _KEYS)
