"""Each layer compressed alone: rows, proposal, files, going on."""
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import build
from jgan import config as configs
from jgan.errors import UserError
from jgan.score.networks import Scoring
from jgan.verbs import sensitivity


def game(**changes):
  c = configs.base()
  c.data = {'name': 'digits', 'size': 16}
  c.generator = {'name': 'dcgan', 'latent': 8, 'width': 8}
  c.discriminator = {'name': 'dcgan', 'width': 4}
  c.eval.update({'metrics': ('fd_pixels',), 'samples': 40, 'batch': 20})
  c.compress.update({'ranks': (1, 8), 'match': 'conv_1|linear',
                     'iterations': 300, 'budget': 1e9, **changes})
  return configs.complete(c)


@pytest.fixture(scope='module')
def trained():
  """A method and its first state."""
  method = build.method(game())
  state = jax.jit(lambda: method.init(
      jax.random.key(0), {'image': jnp.zeros((1, 1, 16, 16, 1))}))()
  return method, state


@pytest.fixture(scope='module')
def report(trained, tmp_path_factory):
  folder = tmp_path_factory.mktemp('sensitivity')
  return folder, sensitivity.write(game(), *trained, folder)


def counted(monkeypatch):
  """Scores from now on: a list that grows."""
  seen, score = [], Scoring.score

  def noted(self, *arguments):
    seen.append(arguments)
    return score(self, *arguments)

  monkeypatch.setattr(Scoring, 'score', noted)
  return seen


def numbers(folder):
  return json.loads((folder / 'sensitivity.json').read_text())


def test_every_layer_is_tried_at_every_rank_that_makes_it_smaller(report):
  folder, text = report
  found = numbers(folder)
  tried = [(row['layer'], row['form'], row['rank']) for row in found['rows']]
  assert sorted(tried) == [('conv_1', 'cp', 1), ('conv_1', 'cp', 8),
                           ('linear', 'svd', 1)]
  for row in found['rows']:
    assert np.isfinite(row['score']) and 0 < row['removed'] < row['params']
    assert row['layer'] in text
  assert found['metric'] == 'fd_pixels' and found['step'] == 0
  for name in ('trials.jsonl', 'sensitivity.md', 'sensitivity.png'):
    assert (folder / name).stat().st_size


def test_a_budget_that_allows_all_proposes_every_layer(report):
  found = numbers(report[0])
  assert set(found['proposal']) == {'conv_1', 'linear'}
  rises = {(r['layer'], r['rank']): max(r['score'] - found['base'], 0.)
           for r in found['rows']}
  np.testing.assert_allclose(found['predicted_rise'], sum(
      rises[layer, how['rank']] for layer, how in found['proposal'].items()))


def test_a_repeated_command_scores_nothing_anew(report, trained, monkeypatch):
  folder, text = report
  seen = counted(monkeypatch)
  assert sensitivity.write(game(), *trained, folder) == text
  assert seen == []


def test_a_killed_command_goes_on_where_it_ended(
    report, trained, tmp_path, monkeypatch):
  whole = (report[0] / 'trials.jsonl').read_text().splitlines(True)
  (tmp_path / 'trials.jsonl').write_text(''.join(whole[:2]) + whole[2][:9])
  seen = counted(monkeypatch)
  sensitivity.write(game(), *trained, tmp_path)
  assert len(seen) == len(whole) - 2
  assert numbers(tmp_path) == numbers(report[0])
  assert (tmp_path / 'trials.jsonl').read_text() == ''.join(whole)


def test_a_command_killed_before_its_first_score_begins(trained, tmp_path):
  (tmp_path / 'trials.jsonl').write_text('{"st')
  sensitivity.write(game(match='linear', ranks=(1,)), *trained, tmp_path)
  assert len(numbers(tmp_path)['rows']) == 1


def test_a_kernel_that_has_the_rank_scores_as_it_is(trained, tmp_path):
  """A linear layer of rank 1 at rank 1."""
  method, state = trained
  params = dict(state.ema.params)
  kernel = np.asarray(params['linear']['kernel'])
  params['linear'] = {**params['linear'], 'kernel': np.outer(
      kernel[:, 0], kernel[0]).astype(np.float32)}
  planted = state.replace(ema=state.ema.replace(params=params))
  sensitivity.write(game(match='linear', ranks=(1,)), method, planted, tmp_path)
  found = numbers(tmp_path)
  row, = found['rows']
  assert row['error'] < 1e-5
  np.testing.assert_allclose(row['score'], found['base'], rtol=1e-3)


@pytest.mark.parametrize('changes, words', [
    ({'ranks': ()}, 'config.compress.ranks is empty'),
    ({'match': 'nonesuch'}, "no layer matches 'nonesuch'"),
    ({'source': 'online'}, 'has trials with source=average, not online'),
    ({'iterations': 5}, 'has trials with iterations=300, not 5'),
])
def test_what_makes_no_sense_is_refused(report, trained, changes, words):
  with pytest.raises(UserError, match=words):
    sensitivity.write(game(**changes), *trained, report[0])
