"""What a command is doing, told while it does it.

In a terminal a bar stands below the lines of the log, and in a notebook above
them (notebook.py); elsewhere the log gets a line where it would be silent for
ten seconds. A thread tells what the command has noted here: neither waits for
the other, and nobody for a device. Nothing is told outside of `shown`.
"""
import collections
import contextlib
import datetime
import logging
import os
import threading
import time

from jgan import signals

log = logging.getLogger(__name__)

_SILENCE = 9.5  # seconds without a line of the log
_FRAME = .25  # seconds between two pictures of the bar
_WINDOW = 60.  # seconds over which the speed is measured
_FORECAST = 8.  # seconds of training after which its time is foretold,
_WORTH = 60.  # if it is longer than this


class _State:
  """What is going on. Its lists are changed by single calls only."""

  def __init__(self):
    self.clear()

  def clear(self):
    """Nothing goes on."""
    self.tasks = []  # [what, when it began], the innermost last
    self.compiled = []  # (what, seconds)
    self.begin(0, 0, None)

  def begin(self, start, steps, work):
    """Training begins at `start`, of so many steps."""
    self.reached, self.steps, self.work = start, steps, work
    self.sent = collections.deque()  # (step, array) that devices are to do
    self.done = collections.deque(maxlen=1000)  # (when it was seen, step)
    self.losses, self.foretold = {}, False

  def look(self):
    """Notes which steps the devices have done, without waiting for them."""
    done = None
    while self.sent and _is_ready(self.sent[0][1]):
      done, _ = self.sent.popleft()
    if done is not None:
      self.reached = done
      self.done.append((time.perf_counter(), done))

  def pause(self):
    """Time until now is not that of steps."""
    self.done.clear()

  def rate(self):
    """Steps per second of the last minute; None if it is not known yet."""
    seen = [*self.done]
    if not seen:
      return None
    recent = [x for x in seen if x[0] >= seen[-1][0] - _WINDOW]
    (began, first), (ended, last) = recent[0], recent[-1]
    return (last - first) / (ended - began) if last > first else None


_state = _State()
_teller = None


@contextlib.contextmanager
def during(what, *, compiles=False):
  """Says that something is going on while the block runs.

  what: as 'scoring'; if it compiles, what is compiled, as 'step'.
  """
  task = [f'compiling {what}' if compiles else what, time.perf_counter()]
  _state.tasks.append(task)
  try:
    yield
  finally:
    _state.tasks.remove(task)
    if compiles:
      _state.compiled.append((what, time.perf_counter() - task[1]))
    _state.pause()


def training(start, steps, work=None):
  """Training goes from step `start` to step `steps`.

  work: () -> floating-point operations of one step, for the forecast.
  """
  _state.begin(start, steps, work)


def dispatched(step, metrics):
  """The devices were given the work up to `step`, which makes the metrics."""
  if _teller:
    _state.sent.append((step, next(iter(metrics.values()), None)))


def losses(values):
  """The losses that are shown: {name: number}, of a step that is done."""
  _state.losses = values


def has_bar():
  """Whether a bar shows the steps, so that the log need not."""
  return bool(_teller and _teller.live)


@contextlib.contextmanager
def lines():
  """Shows lines instead of a bar while the block runs."""
  if _teller:
    _teller.close_bar()
  try:
    yield
  finally:
    if _teller:
      _teller.open_bar()


def hush():
  """Tells nothing any more: process 0 does."""
  global _teller
  if _teller:
    _teller.close()
  _teller = None


class Lines(logging.StreamHandler):
  """The handler of jgan's log: writes to stderr, above the bar."""

  def __init__(self):
    super().__init__()
    self.said = time.perf_counter()

  def emit(self, record):
    """Writes one record."""
    self.said = time.perf_counter()
    live = _teller and _teller.live
    if not live:
      super().emit(record)
      return
    try:
      # Plain text: brackets are no markup, and long lines are not wrapped.
      live.console.print(self.format(record), markup=False, highlight=False,
                         soft_wrap=True)
    except Exception:
      self.handleError(record)


@contextlib.contextmanager
def shown(handler, what, *, quiet=False, live=None):
  """Tells what is going on while the block runs.

  Args:
    handler: Lines, of jgan's log.
    what: the command does, while nothing else is said to go on.
    quiet: tell nothing.
    live: a function that shows a bar and returns it, with the interface of
      rich's Live; None: there is one if the handler writes to a terminal.
  """
  global _teller
  _state.clear()
  if not quiet:
    _teller = _Teller(handler, what, live)
  try:
    yield
  finally:
    hush()


class _Teller:
  """The thread that tells.

  Attributes:
    live: rich's Live of the bar, None where there is none.
  """

  def __init__(self, handler, what, shows):
    self._handler, self._what = handler, what
    self._began, self._ended = time.perf_counter(), threading.Event()
    self.live, self._shows = None, shows
    self._lock = threading.Lock()
    # What a cell of a notebook starts by `!` has a terminal, which is none.
    if (not shows and handler.stream.isatty()
        and 'JPY_PARENT_PID' not in os.environ):
      self._shows = _shows(handler.stream)
    self.open_bar()
    self._thread = threading.Thread(target=self._tell, daemon=True)
    self._thread.start()

  def open_bar(self):
    """Shows the bar, if there is a place that can."""
    if self._shows and not self.live:
      self.live = self._shows()

  def close_bar(self):
    """Takes the bar away."""
    with self._lock:
      live, self.live, signals.line_start = self.live, None, b''
    if live:
      live.stop()

  def close(self):
    """Ends the thread, with a last look at what was done."""
    self._ended.set()
    self._thread.join()
    _state.look()
    if self.live:
      self.live.update(_picture(self._tasks()), refresh=True)
    self.close_bar()

  def _tell(self):
    while not self._ended.wait(_FRAME):
      _state.look()
      self._foretell()
      with self._lock:
        if self.live:
          self.live.update(_picture(self._tasks()), refresh=True)
      if not self._shows and (
          time.perf_counter() - self._handler.said >= _SILENCE):
        log.info('%s', _line(self._tasks()))

  def _tasks(self):
    return [*_state.tasks] or [[self._what, self._began]]

  def _foretell(self):
    """Says once how long training takes, from its first seconds."""
    seen = [*_state.done]
    if _state.foretold or not seen or seen[-1][0] - seen[0][0] < _FORECAST:
      return
    rate = _state.rate()
    if not rate:
      return
    _state.foretold = True
    left = _state.steps - seen[-1][1]
    if left / rate < _WORTH:
      return
    # Counting the work takes as long as tracing the steps: not in this thread.
    threading.Thread(target=self._say_forecast, daemon=True,
                     args=(left, rate, _state.work or float)).start()

  def _say_forecast(self, left, rate, work):
    work = work()
    if self._ended.is_set():
      return
    log.info('about %s for the %s steps to come on this machine: %.3g s%s a '
             'step; scores come on top', spoken(left / rate), f'{left:,}',
             1 / rate, f' and {work / 1e9:,.3g} GFLOPs' if work else '')


def spoken(seconds):
  """A time in two words, as '2 h 40 min'."""
  minutes = round(seconds / 60)
  if seconds < 90:
    return f'{seconds:.0f} s'
  if minutes < 60:
    return f'{minutes} min'
  if minutes < 48 * 60:
    return f'{minutes // 60} h {minutes % 60} min'
  return f'{minutes // 1440} days {minutes % 1440 // 60} h'


def _is_ready(array):
  """Whether a device has computed an array, or it is not of a device."""
  return not hasattr(array, 'is_ready') or array.is_ready()


def _line(tasks):
  """What is going on, as a line of the log."""
  if _trains():
    return f'{_steps()}{_speed()}'
  return f'{_told(tasks[-1])} so far{_before(tasks[-1])}'


def _picture(tasks):
  """What is going on, as a line that rich draws."""
  from rich.progress_bar import ProgressBar
  from rich.table import Table
  from rich.text import Text
  if _trains():
    words = [_speed(), *(f'{name} {value:.4g}'
                         for name, value in _state.losses.items())]
  else:
    words = [_told(tasks[-1]) + _before(tasks[-1])]
  cells = [Text('  '.join(filter(None, words)).strip(), overflow='ellipsis')]
  if _state.steps:
    cells = [Text(_steps()), ProgressBar(
        total=_state.steps, completed=_state.reached, width=20), *cells]
  table = Table.grid(padding=(0, 2, 0, 0))
  for _ in cells:
    table.add_column(no_wrap=True)
  table.add_row(*cells)
  return table


def _trains():
  """Whether steps are done, and nothing else."""
  return bool(_state.steps and not _state.tasks and _state.done)


def _steps():
  return f'step {_state.reached:,}/{_state.steps:,}'


def _told(task):
  """A task and its seconds."""
  what, began = task
  return f'{what}: {time.perf_counter() - began:.0f} s'


def _before(task):
  """What was compiled before a task that compiles."""
  if not task[0].startswith('compiling') or not _state.compiled:
    return ''
  return ' (before it ' + ', '.join(
      f'{what} {seconds:.1f} s' for what, seconds in _state.compiled[-4:]) + ')'


def _speed():
  """Speed and the time to the end, '' while they are not known."""
  rate = _state.rate()
  if not rate:
    return ''
  left = datetime.timedelta(
      seconds=int((_state.steps - _state.reached) / rate))
  return f'  {rate:.4g} steps/s  ETA {left}'


def _shows(stream):
  """The function that shows the bar in a terminal; None if it cannot draw one.

  The cursor stays visible: a signal may end the process at any time.
  """
  from rich.console import Console

  class Visible(Console):
    """A Console that does not hide the cursor."""

    def show_cursor(self, show=True):
      """Does nothing."""
      del show
      return False

  console = Visible(file=stream)
  if console.is_dumb_terminal or not console.is_terminal:
    return None

  def shows():
    from rich.live import Live
    live = Live(console=console, auto_refresh=False, transient=True,
                redirect_stdout=False, redirect_stderr=False)
    live.start()
    signals.line_start = b'\r\x1b[2K'
    return live

  return shows
