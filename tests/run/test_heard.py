"""A run that tells a program what it makes, and is stopped by it."""
import pathlib

import jax
import numpy as np
import pytest

from jgan.errors import Stopped
from jgan.report import grid
from jgan.run import loop
from jgan.run.heard import Heard
from jgan.run.logbook import read


@pytest.fixture
def scored(tiny):
  """A run of four steps with samples, scores and checkpoints."""
  tiny.samples.initial = True
  tiny.eval.update({'every': 2, 'metrics': ('fd_pixels',), 'samples': 20,
                    'batch': 10})
  return tiny


def heard(news, stop_at=None):
  """A make_session of loop.run that appends to `news`, and may stop a run."""
  def note(kind):
    def function(step, value=None):
      news.append((kind, step, value))
      if (kind, step) == stop_at:
        raise KeyboardInterrupt
    return function

  return lambda *arguments: Heard(
      *arguments, on_samples=note('samples'), on_scores=note('scores'),
      on_checkpoint=note('checkpoint'))


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  return tmp_path_factory.mktemp('heard')


def test_what_a_run_makes_is_told_in_order_when_it_is_there(scored, folder):
  news = []
  loop.run(scored, folder, make_session=heard(news))
  assert [(kind, step) for kind, step, _ in news] == [
      ('samples', 0), ('scores', 2), ('samples', 2), ('checkpoint', 2),
      ('scores', 4), ('samples', 4), ('checkpoint', 4)]
  for kind, step, value in news:
    if kind == 'samples':
      np.testing.assert_array_equal(value, grid.read_png(
          folder / 'samples' / f'{step:08d}.png'))
  assert [value for kind, _, value in news if kind == 'scores'] == [
      {'eval/fd_pixels': record['eval/fd_pixels']}
      for record in read(folder) if 'eval/fd_pixels' in record]


@pytest.mark.parametrize('stop_at', [('samples', 2), ('checkpoint', 2)])
def test_a_function_stops_the_run_which_goes_on_as_if_unbroken(
    scored, folder, tmp_path, stop_at):
  unbroken = loop.run(scored, folder)  # it is at its end
  news = []
  with pytest.raises(Stopped, match='The same command'):
    loop.run(scored, tmp_path, make_session=heard(news, stop_at))
  assert news[-1][1] == stop_at[1]
  resumed = loop.run(scored, tmp_path, make_session=heard(news))
  assert jax.tree.all(jax.tree.map(np.array_equal, unbroken, resumed))
  for name in 'metrics.jsonl', 'samples/00000004.png':
    assert pathlib.Path(folder, name).read_bytes() == (
        tmp_path / name).read_bytes()
