"""What is told while a command runs: a bar in a terminal, lines elsewhere."""
import io
import logging
import os
import pty
import re
import subprocess
import sys
import threading
import time

import pytest

from jgan import progress, signals


class Array:
  """An array of a device that may not have computed it."""

  def __init__(self):
    self.done = threading.Event()

  def is_ready(self):
    return self.done.is_set()


class Terminal(io.StringIO):
  def isatty(self):
    return True


@pytest.fixture
def handler(monkeypatch):
  """The handler of jgan's log, which writes to a buffer."""
  monkeypatch.setenv('TERM', 'xterm')
  monkeypatch.setattr(progress, '_FRAME', .01)
  handler = progress.Lines()
  handler.setStream(io.StringIO())
  logger = logging.getLogger('jgan')
  monkeypatch.setattr(logger, 'handlers', [handler])
  monkeypatch.setattr(logger, 'propagate', False)
  logger.setLevel(logging.INFO)
  return handler


def until(said, handler):
  """Waits until a pattern is in what was written: -> the text."""
  deadline = time.monotonic() + 20
  while not re.search(said, handler.stream.getvalue()):
    assert time.monotonic() < deadline, handler.stream.getvalue()
    time.sleep(.01)
  return handler.stream.getvalue()


def test_silence_of_a_pipe_is_ended_by_what_goes_on(handler, monkeypatch):
  monkeypatch.setattr(progress, '_SILENCE', .05)
  with progress.shown(handler, 'train'):
    until('^train: 0 s so far\n', handler)
    with progress.during('the initial state', compiles=True):
      until('compiling the initial state: 0 s so far\n', handler)
    with progress.during('step', compiles=True):
      until(r'compiling step: 0 s so far \(before it the initial state \d\.\d '
            r's\)\n', handler)
    progress.training(0, 2000)
    for step in (1, 2, 3):
      progress.dispatched(step, {'loss': 0.})
      time.sleep(.03)
    text = until(r'step 3/2,000  \d+(\.\d+)? steps/s  ETA 0:', handler)
  assert '\x1b' not in text


def test_only_steps_that_devices_have_done_are_told(handler, monkeypatch):
  """Without waiting for the others."""
  monkeypatch.setattr(progress, '_SILENCE', .02)
  first, second = Array(), Array()
  with progress.shown(handler, 'train'):
    progress.training(0, 20)
    progress.dispatched(10, {'loss': first})
    progress.dispatched(20, {'loss': second})
    time.sleep(.05)
    assert 'step' not in handler.stream.getvalue()
    first.done.set()
    until('step 10/20', handler)
    assert 'step 20/20' not in handler.stream.getvalue()


def test_the_time_of_training_is_foretold_once(handler, monkeypatch):
  monkeypatch.setattr(progress, '_FORECAST', .1)
  with progress.shown(handler, 'train'):
    progress.training(0, 100_000_000, lambda: 2e9)
    for step in range(1, 40):
      progress.dispatched(step, {'loss': 0.})
      time.sleep(.01)
    text = until('about', handler)
  assert re.search(r'about [^:]* for the [\d,]+ steps to come on this machine: '
                   r'[\d.e-]+ s and 2 GFLOPs a step; scores', text)
  assert text.count('about') == 1


def test_steps_are_told_while_the_work_of_one_is_counted(handler, monkeypatch):
  """Which takes as long as tracing it; a run that ends does not wait."""
  monkeypatch.setattr(progress, '_FORECAST', .05)
  monkeypatch.setattr(progress, '_SILENCE', .02)
  counted, asked = threading.Event(), threading.Event()

  def work():
    asked.set()
    assert counted.wait(60)
    return 2e9

  with progress.shown(handler, 'train'):
    progress.training(0, 100_000_000, work)
    for step in range(1, 40):
      progress.dispatched(step, {'loss': 0.})
      time.sleep(.01)
    assert asked.wait(60)
    progress.dispatched(50, {'loss': 0.})
    until('step 50/', handler)
  counted.set()
  assert 'about' not in handler.stream.getvalue()


@pytest.mark.parametrize('seconds, text', [
    (40, '40 s'), (600, '10 min'), (10_000, '2 h 47 min'),
    (200_000, '2 days 7 h')])
def test_times_are_spoken_in_two_words(seconds, text):
  assert progress.spoken(seconds) == text


def test_a_terminal_has_one_line_below_the_log(handler):
  handler.setStream(Terminal())
  with progress.shown(handler, 'train'):
    assert progress.has_bar() and signals.line_start == b'\r\x1b[2K'
    progress.training(0, 2000)
    progress.losses({'gen/loss': 1.25})
    for step in (1, 2, 3):
      progress.dispatched(step, {'loss': 0.})
      time.sleep(.03)
    until('gen/loss 1.25', handler)
    logging.getLogger('jgan').info('a line [of] %s', 'x' * 200)
    with progress.during('scoring'):
      until('scoring: 0 s', handler)
  text = handler.stream.getvalue()
  assert f'a line [of] {"x" * 200}\n' in text  # neither markup nor wrapped
  assert '\x1b[?25l' not in text  # the cursor, which a kill would leave hidden
  assert text.endswith('\x1b[2K') and signals.line_start == b''
  assert not progress.has_bar()


def test_quiet_tells_nothing(handler, monkeypatch):
  monkeypatch.setattr(progress, '_SILENCE', 0.)
  handler.setStream(Terminal())
  with progress.shown(handler, 'train', quiet=True), progress.during('scoring'):
    progress.training(0, 10)
    progress.dispatched(1, {'loss': 0.})
    time.sleep(.05)
  assert handler.stream.getvalue() == ''


def test_where_processes_share_a_terminal_only_the_first_has_a_bar(handler):
  handler.setStream(Terminal())
  with progress.shown(handler, 'train'):
    with progress.lines():
      assert not progress.has_bar()
    assert progress.has_bar()
    with progress.lines():
      progress.hush()
    assert not progress.has_bar()


@pytest.mark.parametrize('terminal', ['dumb', 'xterm'])
def test_a_signal_leaves_the_terminal_as_it_was(terminal):
  """And its words begin in a line of their own; a dumb one has no bar."""
  program = (
      'import logging, os, signal, sys, time\n'
      'from jgan import progress, signals\n'
      'signals.end_at_once()\n'
      'handler = progress.Lines()\n'
      'logging.getLogger("jgan").handlers = [handler]\n'
      'with progress.shown(handler, "train"):\n'
      '  time.sleep(1.5)\n'
      '  os.kill(os.getpid(), signal.SIGTERM)\n'
      '  time.sleep(60)\n')
  primary, secondary = pty.openpty()
  with subprocess.Popen([sys.executable, '-c', program], stderr=secondary,
                        env={**os.environ, 'TERM': terminal}) as process:
    os.close(secondary)
    data = b''
    while True:
      try:
        data += os.read(primary, 1 << 16)
      except OSError:  # the other side is closed
        break
  os.close(primary)
  assert process.returncode == 3
  has_bar = b'train: 0 s' in data
  assert has_bar == (terminal == 'xterm') and b'\x1b[?25l' not in data
  last = b'jgan: error: ended by SIGTERM'
  assert data.count(last) == 1
  before = data[:data.index(last)]
  assert before.endswith(b'\r\x1b[2K') if has_bar else before == b''
