"""How long a run trained: RUN/timing.jsonl.

Seconds up to a step, over all sessions, of the steps that led to it: what a
killed run did after its last checkpoint, and has to do again, counts once.
Compiling, sample grids and checkpoints are part of training; scoring is not.
"""
import json
import pathlib
import time

from jgan.workdir import write_text


def read(workdir):
  """The records of a run: {'step', 'training', 'scoring'} in seconds."""
  file = pathlib.Path(workdir) / 'timing.jsonl'
  if not file.exists():
    return []
  lines = file.read_text().splitlines(keepends=True)
  return [json.loads(line) for line in lines if line.endswith('\n')]


class Timing:
  """The clock of one session, which goes on from `step` of the one before."""

  def __init__(self, workdir, step=0):
    self._file = pathlib.Path(workdir) / 'timing.jsonl'
    kept = [r for r in read(workdir) if r['step'] <= step]
    write_text(self._file, ''.join(json.dumps(r) + '\n' for r in kept))
    self._before = kept[-1] if kept else {'training': 0., 'scoring': 0.}
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
    with self._file.open('a') as file:
      file.write(json.dumps({'step': step, **self.now()}) + '\n')
