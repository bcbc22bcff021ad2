"""Serves the page of `report` while runs train, and refreshes it.

The address is printed; Ctrl-C ends it. It reads files of the runs only,
computes nothing on their devices and listens on this machine alone. What has to
be measured or generated is in the page of --mode=report.
"""
import logging
import threading
import time

from jgan import config as configs
from jgan import flags as common
from jgan import progress, signals
from jgan.errors import UserError
from jgan.flags import Flag
from jgan.report.page import render, serve
from jgan.verbs import _compared, _page, _told

log = logging.getLogger(__name__)

FLAGS = (
    common.WORKDIR._replace(required=False),
    Flag('runs', (), 'Several workdirs in place of one, with commas; that of a '
         'sweep or of many seeds shows all its runs.'),
    Flag('port', 8765, 'Where it is served on this machine; 0: any free one.'),
    Flag('every', 5., 'Seconds from one look at the files to the next.'),
)
_SHARE = .05  # of the time may be spent on reading


def run(config, flags):
  """Serves the page until a signal comes."""
  del config
  if flags.workdir:
    common.refuse_together(flags, FLAGS, 'workdir', 'runs')
  if not (flags.workdir or flags.runs):
    raise UserError('no run to watch: --workdir=RUN, or --runs=A,B, would be '
                    'right')
  if not flags.every >= .1:
    raise UserError(f'--every={flags.every:g}: seconds, at least .1')
  watched = Watched(flags.runs or (flags.workdir,), every=flags.every)
  server = serve.server(flags.port, watched.page, watched.changes)
  with server, signals.watched() as stop:
    log.info('http://127.0.0.1:%d/ shows %s; Ctrl-C ends it',
             server.server_port, ', '.join(watched.names))
    progress.hush()  # nothing is waited for: the address stays in sight
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    while not stop(0):
      time.sleep(.2)
    server.shutdown()
  return ''


class Watched:
  """Runs whose files are read again when they have changed.

  Attributes:
    names: of the runs.
  """

  def __init__(self, runs, *, every=5.):
    """Reads the runs once.

    Args:
      runs: workdirs; that of many seeds, or of a sweep, stands for its runs,
        also for those that begin later.
      every: seconds from one look at the files to the next.

    Raises:
      UserError: no runs, one of them twice, or a folder that has none.
    """
    self._runs = runs
    self._look()
    for folder in self._folders:
      if configs.recorded(folder) is None:
        raise UserError(f'no run in {folder}: a workdir, with config.json, '
                        'would be right; train first, in another terminal')
    self._every, self._lock = every, threading.Lock()
    self._stamp, self._next = self._stamps(), 0.
    self._sections = self._read()

  def page(self):
    """The HTML of the page as the files are now."""
    sections = self._current()
    return render.html(_page.title(self.names), self.names, sections,
                       every=self._every)

  def changes(self, known):
    """What a page with the marks `known` lacks, as of render.changes."""
    sections = self._current()
    return render.changes(self.names, sections, known)

  def _look(self):
    """Finds the folders of the runs, of which there may be others by now."""
    self._folders = _compared.each(self._runs)
    self.names = _compared.names(self._folders)

  def _stamps(self):
    return [(folder, _told.stamp(folder)) for folder in self._folders]

  def _read(self):
    began = time.perf_counter()
    runs = [run for folder, name in zip(self._folders, self.names)
            if (run := _compared.glimpsed(folder, name))]
    folders = [self._folders[self.names.index(run.name)] for run in runs]
    sections = _page.of_runs(runs, folders)
    ended = time.perf_counter()
    self._next = ended + max(self._every / 2, (ended - began) / _SHARE)
    return sections

  def _current(self):
    """The sections; those before where the files cannot be read now."""
    with self._lock:
      if time.perf_counter() >= self._next:
        try:
          self._look()
          stamp = self._stamps()
          if stamp != self._stamp:
            self._sections, self._stamp = self._read(), stamp
        except (UserError, OSError) as error:
          log.warning('not refreshed: %s', error)
      return self._sections
