"""A trace of some steps of a run, and its costliest operations.

WORKDIR/profile has the trace, for TensorBoard or Perfetto, and operations.md.
"""
import contextlib
import logging

import jax
from jax.profiler import ProfileData

from jgan.run import costliest
from jgan.workdir import write_text

log = logging.getLogger(__name__)


class Trace:
  """Traces the steps after `first` until `count` of them are done."""

  def __init__(self, folder, first, count, last):
    """folder: of the run. count: 0 traces nothing. last: step of the run."""
    self.folder = folder / 'profile'
    self.first, self.count, self.last = first, count, last
    self.began = None  # the step after which the trace began
    self.programs = {}

  def after(self, step, metrics, programs):
    """Begins or ends the trace, if one is due after `step`.

    Args:
      step: the last step of a dispatch.
      metrics: of it; the device is waited for at both ends of the trace.
      programs: {anything: executable} of the dispatches.
    """
    if not self.count:
      return
    self.programs = programs
    if self.began is None and self.first <= step < self.last:
      jax.block_until_ready(metrics)
      jax.profiler.start_trace(str(self.folder))
      self.began = step
    elif self.began is not None and step >= self.began + self.count:
      jax.block_until_ready(metrics)
      self.end(step)

  def end(self, step):
    """Ends the trace, and logs and writes its costliest operations."""
    jax.profiler.stop_trace()
    self.count = 0
    file = max(self.folder.rglob('*.xplane.pb'),
               key=lambda file: file.stat().st_mtime)
    listed = costliest.operations(
        ProfileData.from_file(str(file)).planes,
        [each.as_text() for each in self.programs.values()])
    text = costliest.report(listed) if listed else (
        'The trace has no events of operations of a device.\n')
    write_text(self.folder / 'operations.md', text)
    log.info('profile of steps %d to %d in %s. %s', self.began + 1, step,
             self.folder, text)


@contextlib.contextmanager
def traced(config, folder, start, wanted=False):
  """Yields the Trace of a run that begins after step `start`.

  wanted: trace ten steps, if config.profile traces none.
  """
  first, count = config.profile.start, config.profile.steps
  if wanted and not count:
    first, count = start + 1, 10
  if jax.process_index():  # the first process traces
    count = 0
  trace = Trace(folder, first, count, config.steps)
  try:
    yield trace
    if trace.count and trace.began is not None:
      trace.end(config.steps)
    elif trace.count:
      log.warning('nothing was profiled: after the first dispatch of this '
                  'session, none begins at step %d or later', first)
  finally:
    if trace.count and trace.began is not None:
      jax.profiler.stop_trace()
