"""Runs side by side: numbers are those of each run, and say what they are."""
import json
import re

import jax
import numpy as np
import pytest
from PIL import Image

from jgan import config as configs
from jgan.errors import UserError
from jgan.report import table
from jgan.run import loop
from jgan.score.record import of_average
from jgan.verbs import _compared, _tables, describe, report
from jgan.workdir import opened


def record(step, values, seed=0, kind='standard', generator='average'):
  stamp = {'protocol': kind, 'seed': seed, 'step': step,
           'generator': generator}
  return {'step': step, 'values': values, 'protocol': stamp,
          'identity': f'{kind}-{seed}'}


@pytest.fixture
def two(tiny, tmp_path):
  """A narrow run that is scored, and a wide one scored on more images."""
  folders = {}
  tiny.steps, tiny.checkpoint.every = 2, 1
  tiny.eval.update({'every': 1, 'metrics': ('fd_pixels',), 'reals': 80,
                    'samples': 70})
  tiny.checkpoint.best = 'eval/fd_pixels'
  for name, width in (('wide', 8), ('narrow', 4)):
    tiny.generator.width = width
    folders[name] = tmp_path / name
    loop.run(tiny, folders[name])
    tiny.eval.samples = 80
  return folders


def test_a_report_holds_the_numbers_of_each_run(two, tmp_path):
  out = tmp_path / 'report'
  text = report.write([*two.values()], str(out))
  found = json.loads((out / 'report.json').read_text())
  assert list(found['runs']) == ['wide', 'narrow'] and found['first'] == 'wide'
  params = {}
  for name, folder in two.items():
    run = found['runs'][name]
    config = configs.from_record(json.loads(
        (folder / 'config.json').read_text()))
    described = describe.describe(config)['generator']
    for key in ('params', 'mb', 'macs', 'macs_thop'):
      assert run[key] == described[key]
    net = _compared.load(folder, name).net
    params[name] = sum(x.size for x in jax.tree.leaves(net.params))
    assert run['params'] == params[name]
    scores = {r['step']: r['values']['fd_pixels'] for r in map(
        json.loads, (folder / 'evaluations.jsonl').open())}
    assert run['step'] == min(scores, key=scores.get)
    column, = found['columns']
    assert column['cells'][name]['value'] == scores[run['step']]
    assert f'{params[name]:,}' in text
    assert all(0. < s < np.inf for s in run['latency'].values())
    assert [*run['latency']] == ['1', '64']
    ratio = run['ratios']
    assert ratio['params'] == params['wide'] / params[name]
    assert ratio['latency_64'] == (found['runs']['wide']['latency']['64']
                                   / run['latency']['64'])
  assert params['wide'] > params['narrow']
  # Scores of 70 and of 80 images stand in one column with a warning.
  assert '[1] made under another protocol' in text
  assert 'fakes: 70 -> 80' in text
  assert jax.devices()[0].device_kind in text
  assert (out / 'report.md').read_text() in text
  assert np.asarray(Image.open(out / 'tradeoff.png')).std() > 0
  page = (out / 'index.html').read_text()
  assert str(out / 'index.html') in text and len(page) < 5e6
  assert re.findall('<section id="([a-z]+)"', page) == [
      'overview', 'config', 'scores', 'curves', 'samples', 'interpolation',
      'tradeoff', 'cost', 'environment']
  assert 'of the same latent vectors' in page


def test_what_holds_no_trained_run_is_refused(tiny, tmp_path):
  with pytest.raises(UserError, match='no run in .*/nothing: a workdir'):
    report.write([tmp_path / 'nothing'])
  config = configs.complete(tiny)
  with opened(tmp_path / 'begun', config):
    pass
  with pytest.raises(UserError, match='no checkpoint in .*begun.*train first'):
    report.write([tmp_path / 'begun'])
  (tmp_path / 'begun' / 'checkpoints').rmdir()
  with pytest.raises(UserError, match='no checkpoints in .*begun: train that'):
    report.write([tmp_path / 'begun'])


def test_runs_are_called_by_their_folders_if_these_differ():
  assert _compared.names(['a/x', 'a/y/']) == ['x', 'y']
  assert _compared.names(['a/x', 'b/x']) == ['a/x', 'b/x']
  assert _compared.names(['/r/s/a/x', '/r/s/b/x']) == ['a/x', 'b/x']
  assert _compared.names(['x', 'a/x']) == ['x', 'a/x']
  with pytest.raises(UserError, match='names a/x twice'):
    _compared.names(['a/x', 'a/x/'])
  with pytest.raises(UserError, match='no runs to compare'):
    _compared.names([])


@pytest.mark.parametrize('params, size', [
    # Table 2 of Pulakurthi et al. (2024), and AdversarialNAS beside it.
    (20185859, 20.18), (5922371, 5.92), (5931395, 5.93), (1634243, 1.63),
    (19470083, 19.47), (5358835, 5.35), (5573507, 5.57), (1718643, 1.71),
    (8846851, 8.84), (8881923, 8.88)])
def test_millions_are_cut_as_in_the_paper(params, size):
  assert _compared.millions(params) == size


def test_only_scores_of_the_averaged_generator_at_that_step_count(tmp_path):
  lines = [record(1, {'FID': 9.}), record(2, {'FID': 5.}),
           record(2, {'FID': 4.}, generator='online')]
  (tmp_path / 'evaluations.jsonl').write_text(
      ''.join(json.dumps(x) + '\n' for x in lines) + '{"step": 2, "val')
  (tmp_path / 'scores.jsonl').write_text(
      json.dumps(record(2, {'kid': 1.})) + '\n')
  assert [r['values'] for r in of_average(tmp_path, 2)] == [
      {'FID': 5.}, {'kid': 1.}]
  assert of_average(tmp_path, 3) == []


def test_a_column_takes_the_identity_that_most_runs_share():
  column, = _compared.score_columns({
      'a': [record(2, {'FID': 1.}), record(2, {'FID': 2.}, seed=1)],
      'b': [record(2, {'FID': 3.}), record(2, {'FID': 4.})],
      'c': [record(2, {'FID': 5.}, seed=7)],
      'd': []})
  assert column['identity'] == 'standard-0'
  assert {name: (cell['value'], cell['identity'])
          for name, cell in column['cells'].items()} == {
              'a': (1., 'standard-0'), 'b': (4., 'standard-0'),
              'c': (5., 'standard-7')}


def test_protocols_of_another_name_have_columns_of_their_own():
  columns = _compared.score_columns({
      'a': [record(2, {'FID': 1., 'kid': 2.}),
            record(2, {'FID': 3.}, kind='clean_fid')]})
  assert [(c['title'], c['cells']['a']['value']) for c in columns] == [
      ('FID (clean_fid)', 3.), ('FID (standard)', 1.), ('kid', 2.)]


def test_missing_scores_are_shown_as_absent():
  runs = [_compared.Run(name, None, None, 2, '', {}, scores)
          for name, scores in (('a', [record(2, {'FID': 1.5})]), ('b', []))]
  columns = _compared.score_columns({r.name: r.scores for r in runs})
  lines = table.markdown([_tables.scores(runs, columns)])
  assert lines[:4] == ['| run | FID |', '|-----|----:|', '| a   | 1.5 |',
                       '| b   |   - |']
  assert '-: not scored at that checkpoint.' in lines
  line, = table.markdown([_tables.scores(runs[1:], [])])
  assert line.startswith('No scores')
