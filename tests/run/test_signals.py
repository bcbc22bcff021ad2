"""Signals: what a run does when it is asked to end."""
import os
import signal
import subprocess
import sys
import threading

import pytest

from jgan import signals
from jgan.errors import Stopped
from jgan.run import loop, parallel


def raised(number):
  """A function that sends this process a signal, and then takes for ever."""
  def work(*arguments, **keywords):
    os.kill(os.getpid(), number)
    threading.Event().wait(60)
  return work


def test_a_signal_within_a_compilation_ends_the_run(
    tiny, tmp_path, monkeypatch):
  monkeypatch.setattr(parallel, 'compile_call', raised(signal.SIGINT))
  with pytest.raises(Stopped, match='before the first step'):
    loop.run(tiny, tmp_path)


def test_a_second_ctrl_c_is_not_waited_for():
  with signals.watched() as watch:
    os.kill(os.getpid(), signal.SIGINT)
    assert watch(1)
    with pytest.raises(KeyboardInterrupt):
      os.kill(os.getpid(), signal.SIGINT)


def test_outside_of_training_a_signal_ends_the_process_at_once():
  """Also within one long call of a library, here of sleep."""
  with subprocess.Popen(
      [sys.executable, '-c', 'import time\nfrom jgan import signals\n'
       'signals.end_at_once()\nprint(flush=True)\ntime.sleep(60)'],
      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
  assert process.returncode == 3
  assert said.startswith('jgan: error: ended by SIGTERM')


def test_handlers_are_as_before_afterwards():
  before = [signal.getsignal(number) for number in signals._numbers()]
  with signals.watched():
    assert before != [signal.getsignal(n) for n in signals._numbers()]
  assert before == [signal.getsignal(n) for n in signals._numbers()]


def test_a_hangup_that_is_ignored_stays_ignored():
  """As under nohup."""
  before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
  try:
    with signals.watched() as watch:
      os.kill(os.getpid(), signal.SIGHUP)
      assert not watch(1)
  finally:
    signal.signal(signal.SIGHUP, before)


def test_what_is_waited_for_returns_or_raises():
  with signals.watched() as watch:
    assert watch.wait(sum, [1, 2]) == 3
    with pytest.raises(ZeroDivisionError):
      watch.wait(lambda: 1 / 0)


def test_a_run_in_a_thread_has_no_handlers():
  watches = []

  def work():
    with signals.watched() as watch:
      watches.append((watch(1), watch.wait(sum, [1, 2])))

  thread = threading.Thread(target=work)
  thread.start()
  thread.join()
  assert watches == [(False, 3)]


def test_several_processes_look_at_consecutive_counts(monkeypatch):
  """The service names a count; a step that none looks at would be missed."""
  from jax.experimental import multihost_utils
  looked = []
  monkeypatch.setattr(multihost_utils, 'reached_preemption_sync_point',
                      lambda count: looked.append(count) or count == 2)
  with signals.watched(several=True) as watch:
    assert [watch(step) for step in (10, 20, 30)] == [False, False, True]
  assert looked == [0, 1, 2]
