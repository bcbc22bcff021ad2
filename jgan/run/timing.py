"""How long a run trained: RUN/timing.jsonl.

Seconds up to a step, over all sessions, of the steps that led to it: what a
killed run did after its last checkpoint, and has to do again, counts once.
Compiling, sample grids and checkpoints are part of training; scoring is not.
"""
import pathlib
import time

from jgan.workdir import append, records, write_records


def read(workdir):
  """The records of a run: {'step', 'training', 'scoring'} in seconds."""
  return records(pathlib.Path(workdir) / 'timing.jsonl')


class Timing:
  """The clock of one session, which goes on from `step` of the one before."""

  def __init__(self, workdir, step=0):
    self._file = pathlib.Path(workdir) / 'timing.jsonl'
    earlier = [r for r in read(workdir) if r['step'] <= step]
    write_records(self._file, earlier)
    self._before = earlier[-1] if earlier else {'training': 0., 'scoring': 0.}
    self._began, self._scoring = time.perf_counter(), 0.

  def scored(self, seconds):
    """Says that so much of the time went into scoring."""
    self._scoring += seconds

  def now(self):
    """Seconds of all sessions up to now: {'training', 'scoring'}."""
    passed = time.perf_counter() - self._began
    return {'training': self._before['training'] + passed - self._scoring,
            'scoring': self._before['scoring'] + self._scoring}

  def write(self, step):
    """Records `now`, as of a step that is done."""
    append(self._file, {'step': step, **self.now()})
