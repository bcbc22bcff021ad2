"""Signals that ask a process to end: SIGTERM, SIGHUP and Ctrl-C (SIGINT)."""
import concurrent.futures
import contextlib
import itertools
import os
import signal
import threading

line_start = b''
"""What goes back to the start of a line, where a bar stands in it."""


class Asked(Exception):
  """A signal asks the process to end, and what it waited for is given up."""


def end_at_once():
  """From now on these signals end the process with code 3, and one line.

  A thread does it, so that a long call of a library does not delay it. Files
  of jgan are replaced atomically, so that none is left half written.
  """
  if os.name == 'nt':  # the file descriptor would have to be a socket
    return
  reading, writing = os.pipe()
  os.set_blocking(writing, False)
  for number in _numbers():
    signal.signal(number, lambda *_: None)
  signal.set_wakeup_fd(writing)

  def end():
    number, = os.read(reading, 1)
    os.write(2, line_start + (
        f'jgan: error: ended by {signal.Signals(number).name}; what was '
        'finished before is kept\n').encode())
    os._exit(3)

  threading.Thread(target=end, daemon=True).start()


class Watch:
  """Looks for signals: `watch(step)` says whether to stop after `step`.

  This one is for threads, which get no signals: it stops if it is asked to.
  """

  def __init__(self):
    self.signals = []

  def ask(self):
    """Asks the run to stop, as Ctrl-C does."""
    self.signals.append(signal.SIGINT)

  def __call__(self, step):
    """Whether the run should stop after `step`."""
    return bool(self.signals)

  def wait(self, function, *arguments):
    """Returns function(*arguments).

    Raises:
      Asked: a signal arrived before it was done.
    """
    return function(*arguments)


class Noted(Watch):
  """Remembers the signals to this process, which trains alone."""

  def wait(self, function, *arguments):
    """As above; the function runs in a thread, which is left if it is late."""
    done = concurrent.futures.Future()

    def work():
      try:
        done.set_result(function(*arguments))
      except BaseException as error:
        done.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    while not concurrent.futures.wait([done], timeout=.2).done:
      if self.signals:
        raise Asked
    return done.result()


class Announced(Watch):
  """Asks JAX's preemption service, which tells all processes of a signal.

  They stop after the same step, or after the same batch of an evaluation.
  """

  def __init__(self):
    # The service stops them at one count of calls, so that none is left out.
    self.calls = itertools.count()

  def ask(self):
    """Asks all processes to stop."""
    os.kill(os.getpid(), signal.SIGTERM)

  def __call__(self, step):
    """Whether `step` is the one after which all processes stop."""
    from jax.experimental import multihost_utils
    return multihost_utils.reached_preemption_sync_point(next(self.calls))


@contextlib.contextmanager
def watched(several=False):
  """Yields a Watch; signals no longer end the process, but a second Ctrl-C.

  several: whether several processes train together.
  """
  if threading.current_thread() is not threading.main_thread():
    yield Watch()
    return
  watch = Announced() if several else Noted()
  wakeup = signal.set_wakeup_fd(-1) if os.name != 'nt' else -1
  earlier = {}

  def note(number, _):
    if number == signal.SIGINT:  # the next one ends the process
      signal.signal(number, earlier[number])
      if wakeup >= 0:
        signal.set_wakeup_fd(wakeup)
    watch.ask()

  # The preemption service has a handler of SIGTERM.
  for number in _numbers() - ({signal.SIGTERM} if several else set()):
    earlier[number] = signal.signal(number, note)
  try:
    yield watch
  finally:
    for number, handler in earlier.items():
      signal.signal(number, handler)
    if wakeup >= 0:
      signal.set_wakeup_fd(wakeup)


def _numbers():
  """The signals of this module; SIGHUP unless it is ignored, as by nohup."""
  numbers = {signal.SIGTERM, signal.SIGINT}
  hangup = getattr(signal, 'SIGHUP', None)
  if hangup and signal.getsignal(hangup) is not signal.SIG_IGN:
    numbers.add(hangup)
  return numbers
