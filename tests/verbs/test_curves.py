"""Scores of several runs over one another."""
import json

import numpy as np
import pytest

from jgan import config as configs
from jgan import experiment
from jgan.errors import UserError
from jgan.report import spread
from jgan.verbs import curves


@pytest.fixture
def runs(tmp_path):
  """Two seeds of the default experiment, and one at another rate: folders."""
  digits = configs.plain(configs.complete(
      experiment.load('experiments/digits/default.py')))
  folders = []
  for name, seed, lr, scores in (('a_0', 0, 1e-3, (8., 4., 2.)),
                                 ('a_1', 1, 1e-3, (6., 6., 4.)),
                                 ('b', 0, 2e-3, (9., 9., 9.))):
    folder = tmp_path / name
    folder.mkdir()
    record = json.loads(json.dumps({**digits, 'seed': seed}))
    record['optimizer']['gen']['lr'] = lr
    (folder / 'config.json').write_text(json.dumps(record))
    (folder / 'evaluations.jsonl').write_text(''.join(json.dumps({
        'step': 1000 * (i + 1), 'values': {'fd_pixels': score}, 'identity': 'x',
        'protocol': {'protocol': 'standard', 'generator': 'average'}}) + '\n'
        for i, score in enumerate(scores)))
    folders.append(str(folder))
  return folders


def test_seeds_are_one_line_with_their_spread(runs, pages, tmp_path):
  text = curves.write(runs, str(tmp_path / 'out'))
  assert text.split() == [str(tmp_path / 'out' / f'fd_pixels.{end}')
                          for end in ('png', 'json')]
  axes, = pages['fd_pixels.png'].axes
  lines = {line.get_label(): line for line in axes.lines}
  np.testing.assert_allclose(lines['a (2 seeds)'].get_ydata(), [7., 5., 3.])
  # 64 images a step of 1,797.
  np.testing.assert_allclose(lines['b'].get_xdata(),
                             np.array([1000, 2000, 3000]) * 64 / 1797)
  assert axes.get_xlabel() == 'epoch' and len(axes.lines) == 4
  assert len(axes.collections) == 1  # one band
  record = json.loads((tmp_path / 'out' / 'fd_pixels.json').read_text())
  assert record['groups'] == {'a': ['a_0', 'a_1'], 'b': ['b']}


def test_the_axis_may_be_steps(runs, pages, tmp_path):
  curves.write(runs[:1], str(tmp_path / 'out'), axis='steps')
  axes, = pages['fd_pixels.png'].axes
  assert [*axes.lines[0].get_xdata()] == [1000, 2000, 3000]
  with pytest.raises(UserError, match="'epochs' or 'steps'"):
    curves.write(runs, str(tmp_path / 'out'), axis='hours')


def test_what_cannot_be_drawn_is_said(runs, tmp_path):
  with pytest.raises(UserError, match="no scores 'FID'"):
    curves.write(runs, str(tmp_path / 'out'), label='FID')
  with pytest.raises(UserError, match='no run in'):
    curves.write([str(tmp_path / 'none')], str(tmp_path / 'out'))
  c = configs.complete(experiment.load('experiments/alphagan/cpu.py:search'))
  with pytest.raises(UserError, match='--axis=steps would be right'):
    curves.per_epoch(c)


def test_a_band_is_where_all_seeds_have_scores(pages, tmp_path):
  spread.draw(tmp_path / 'x.png', {'a': [{1: 2., 2: 4.}, {2: 8., 3: 9.}]},
              label='FID', axis='epoch')
  axes, = pages['x.png'].axes
  assert [*axes.lines[-1].get_xdata()] == [2]
  assert [*axes.lines[-1].get_ydata()] == [6.]
