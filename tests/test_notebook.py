"""jgan in the process of a notebook: what is shown, stopped, and left."""
import logging
import os
import signal
import sys
import time
import types

import numpy as np
import pytest
from PIL import Image

from jgan import notebook, progress
from jgan.errors import Stopped, UserError
from jgan.run import loop


class Handle:
  """What IPython's display returns."""

  def __init__(self, data):
    self.shown = [data]

  def update(self, data, raw):
    assert raw
    self.shown.append(data)


@pytest.fixture
def kernel(monkeypatch):
  """As in a kernel: the handles of what is displayed, a list."""
  handles = []

  def display(data, raw, display_id):
    assert raw and display_id
    handles.append(Handle(data))
    return handles[-1]

  monkeypatch.setitem(sys.modules, 'IPython', types.SimpleNamespace(
      version_info=(9, 0),  # matplotlib looks
      get_ipython=lambda: types.SimpleNamespace(kernel=None)))
  monkeypatch.setitem(sys.modules, 'IPython.display',
                      types.SimpleNamespace(display=display))
  return handles


def test_training_shows_a_bar_and_the_newest_grid(
    kernel, tiny, tmp_path, capsys):
  notebook.train(tiny, tmp_path)
  bar, picture = kernel
  assert bar.shown[-1]['text/plain'].startswith('step 4/4  ━')
  assert bar.shown[-1]['text/html'].startswith('<pre')
  assert [x['text/plain'] for x in picture.shown] == ['step 2', 'step 4']
  (tmp_path / 'shown.png').write_bytes(picture.shown[-1]['image/png'])
  with Image.open(tmp_path / 'shown.png') as shown, Image.open(
      tmp_path / 'samples/00000004.png') as written:
    assert np.array_equal(shown, written.convert('RGB'))
  said = capsys.readouterr()
  assert 'data: digits' in said.out and not said.err


def test_lines_of_the_log_can_be_left_out(kernel, tiny, tmp_path, capsys):
  shown = []
  notebook.train(tiny, tmp_path, lines=False,
                 on_samples=lambda *news: shown.append(news))
  assert capsys.readouterr() == ('', '')
  assert len(kernel) == 1 and [step for step, _ in shown] == [2, 4]


def test_outside_of_a_kernel_nothing_is_displayed(tiny, tmp_path, capsys):
  notebook.train(tiny, tmp_path)
  assert 'data: digits' in capsys.readouterr().err


def test_the_stop_button_saves_and_leaves_all_as_it_was(
    kernel, tiny, tmp_path, monkeypatch):
  logger = logging.getLogger('jgan')
  before = (logger.handlers, logger.level, logger.propagate,
            signal.getsignal(signal.SIGINT))
  unbroken = notebook.train(tiny, tmp_path / 'unbroken', lines=False)
  after = loop.Session.after

  def pressed(self, step, *rest):
    state = after(self, step, *rest)
    if step == 1:
      os.kill(os.getpid(), signal.SIGINT)
    return state

  with monkeypatch.context() as patch:
    patch.setattr(loop.Session, 'after', pressed)
    with pytest.raises(Stopped, match='at step 1: saved') as stopped:
      notebook.train(tiny, tmp_path / 'run')
  assert stopped.value._render_traceback_() == [
      f'jgan: error: {stopped.value}']
  assert before == (logger.handlers, logger.level, logger.propagate,
                    signal.getsignal(signal.SIGINT))
  assert not progress.has_bar()
  resumed = notebook.train(None, tmp_path / 'run', lines=False)
  np.testing.assert_array_equal(*(
      state.ema.params['to_rgb']['kernel'] for state in (unbroken, resumed)))


def test_the_button_before_a_run_begins_is_one_line_too(
    tiny, tmp_path, monkeypatch):
  def pressed(*arguments):
    raise KeyboardInterrupt

  monkeypatch.setattr(loop, 'prepared', pressed)
  with pytest.raises(Stopped, match='train was interrupted. The same call'):
    notebook.train(tiny, tmp_path)


def test_a_folder_without_a_run_needs_a_config(tmp_path):
  with pytest.raises(UserError, match='config is 5: the config of an exp'):
    notebook.train(5, tmp_path)
  with pytest.raises(UserError, match='no run in .* give one'):
    notebook.train(None, tmp_path)


def test_a_command_prints_its_text(capsys):
  notebook.run('--mode=list --what=losses')
  assert capsys.readouterr().out.startswith('losses:')
  told = []
  notebook.run(['--mode=list', '--help'], tell=told.append)
  assert 'jgan --mode=list' in told[0] and capsys.readouterr().out == ''


@pytest.mark.parametrize('line, said', [
    ('--mode=lst', "no --mode=lst: did you mean 'list'"),
    ('--mode=list --what=nothing', 'nothing'),
    ('--mode=list --compilation_cache=x', 'jax_compilation_cache_dir')])
def test_a_mistake_is_an_exception_of_one_line(line, said):
  """And no SystemExit, which would end a program."""
  with pytest.raises(UserError, match=said) as error:
    notebook.run(line)
  line, = error.value._render_traceback_()
  assert line.startswith('jgan: error: ') and '\n' not in line


def test_the_traceback_is_there_for_who_asks(capsys):
  with pytest.raises(UserError):
    notebook.run('--mode=list --what=nothing --debug')
  assert 'Traceback' in capsys.readouterr().err


def test_a_cell_that_starts_a_command_gets_lines(monkeypatch):
  """It has a terminal, which shows no bar well."""
  stream = types.SimpleNamespace(isatty=lambda: True)
  handler = types.SimpleNamespace(stream=stream, said=time.perf_counter())
  monkeypatch.setenv('JPY_PARENT_PID', '1')
  with progress.shown(handler, 'train'):
    assert not progress.has_bar()
