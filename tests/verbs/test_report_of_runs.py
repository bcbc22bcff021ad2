"""What `report` tells of whole runs: how scores went, bands, spectra."""
import json

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jgan import config as configs
from jgan.errors import UserError
from jgan.report import table
from jgan.types import Method
from jgan.verbs import _compared, _tables, report

NOTHING = {'params': 4, 'mb': .1, 'macs': 2, 'macs_thop': 2}
BANDS = {'spectrum_bands-low': 1., 'spectrum_bands-mid': .5,
         'spectrum_bands-high': .2}


def record(step, values, identity='x'):
  return {'step': step, 'values': values, 'identity': identity,
          'protocol': {'protocol': 'standard', 'generator': 'average'}}


def course_of(*scores, **values):
  """Records at steps 1, 2, ... with these FIDs."""
  return [record(i + 1, {'FID': s, **values}) for i, s in enumerate(scores)]


def run_of(name, history, config, best='eval/FID'):
  def sample(net, z):
    return jnp.tanh(z[:, :, None, None] * net)
  method = Method(None, None, sample, 16)
  net = jnp.linspace(-1., 1., 16)[:, None]
  return _compared.Run(name, method, net, 2, best, NOTHING, history[-1:],
                       history, config)


def test_a_curve_is_of_the_protocol_that_most_scores_have():
  history = [record(2, {'FID': 4.}), record(1, {'FID': 5.}),
             record(2, {'FID': 9.}, 'y'), record(3, {'kid': 1.})]
  assert _compared.curve(history, 'FID') == {1: 5., 2: 4.}
  assert [*_compared.curve(history, 'FID')] == [1, 2]
  assert _compared.curve([*history, record(2, {'FID': 3.})], 'FID') == {
      1: 5., 2: 3.}
  assert _compared.curve(history, 'other') == {}


def test_a_course_is_of_the_score_that_chooses_the_best_checkpoint():
  history = course_of(4., 3., 7., kid=1.)
  assert _compared.course(run_of('a', history, None)) == {
      'score': 'FID', 'better': 'lower', 'curve': {1: 4., 2: 3., 3: 7.},
      'best': 3., 'final': 7., 'worst_late': 7., 'breaks': 1}
  assert _compared.course(run_of('a', history, None, best='')) is None
  assert _compared.course(run_of('a', history[:1], None)) is None


def test_the_course_of_tickets_is_that_of_their_round():
  """Three steps a round: the dense one's 2. is not the ticket's best."""
  run = run_of('a', course_of(2., 4., 3., 9., 8.), None)
  run = run._replace(method=run.method._replace(round_steps=3), step=5)
  assert _compared.course(run)['curve'] == {4: 9., 5: 8.}


def test_a_course_knows_when_more_is_better():
  label = 'inception_score-inception'
  history = [record(i + 1, {label: s}) for i, s in enumerate((4., 8., 3.))]
  course = _compared.course(run_of('a', history, None, best=f'eval/{label}'))
  assert (course['better'], course['best'], course['worst_late'],
          course['breaks']) == ('higher', 8., 3., 1)
  band = [record(i, {'spectrum_bands-low': 1.}) for i in (1, 2)]
  assert _compared.course(run_of('a', band, None,
                                 best='eval/spectrum_bands-low')) is None


def test_runs_that_differ_in_their_seed_have_a_mean_and_a_spread(tiny):
  other = tiny.copy_and_resolve_references()
  other.seed = 7
  wide = tiny.copy_and_resolve_references()
  wide.generator.width = 8
  runs = [run_of(name, course_of(*scores), configs.complete(config))
          for name, scores, config in (('a', (4., 2., 5.), tiny),
                                       ('b', (4., 4., 4.), other),
                                       ('c', (9., 9.), wide))]
  courses = {r.name: _compared.course(r) for r in runs}
  text = table.markdown(_tables.courses(runs, courses))
  rows = [[cell.strip() for cell in line.split('|')[1:-1]] for line in text
          if line.startswith('| ')]
  assert rows[1:] == [
      ['a', 'FID', 'lower', '3', '2', '5', '5', '1'],
      ['b', 'FID', 'lower', '3', '4', '4', '4', '0'],
      ['c', 'FID', 'lower', '2', '9', '9', '9', '0'],
      ['2 seeds', 'FID', 'lower', '3', '3 +- 1.41', '4.5 +- 0.707',
       '4.5 +- 0.707', '0.5 +- 0.707']]
  assert '2 seeds: mean and standard deviation of a, b.' in text
  assert _tables.courses(runs, {}) == []


@pytest.fixture
def two_runs(tiny, monkeypatch):
  config = configs.complete(tiny)
  runs = {name: run_of(name, course_of(*scores, **BANDS), config)
          for name, scores in (('a', (4., 3.)), ('b', (2., 8.)))}
  monkeypatch.setattr(_compared, 'load', lambda folder, name: runs[name])
  return runs


def test_a_report_draws_bands_and_where_asked_spectra(two_runs, tmp_path):
  text = report.write(['a', 'b'], str(tmp_path / 'out'), mean_spectra=True)
  assert '| b | FID | lower | 2 | 2 | 8 | 8 | 1 |' in ' '.join(text.split())
  found = json.loads((tmp_path / 'out' / 'report.json').read_text())
  assert found['courses']['b']['breaks'] == 1
  assert found['courses']['a']['curve'] == {'1': 4., '2': 3.}
  for name in ('bands.png', 'spectra.png'):
    assert np.asarray(Image.open(tmp_path / 'out' / name)).std() > 0
    assert f'out/{name}' in text
  report.write(['a'], str(tmp_path / 'other'))
  assert not (tmp_path / 'other' / 'spectra.png').exists()


def test_spectra_are_of_the_real_images_and_of_every_run(two_runs):
  found = _compared.profiles([*two_runs.values()], '')
  assert {name: x.shape for name, x in found.items()} == {
      'real': (1000, 9), 'a': (1000, 9), 'b': (1000, 9)}
  np.testing.assert_array_equal(found['a'], found['b'])  # of the same weights
  assert not np.allclose(found['a'], found['real'], atol=.1)


def test_spectra_of_several_data_sets_and_without_a_folder_are_refused(
    two_runs, tiny):
  tiny.data.size = 32
  other = two_runs['b']._replace(config=configs.complete(tiny))
  with pytest.raises(UserError, match=r'a and b .* \(size: 16 -> 32\)'):
    _compared.profiles([two_runs['a'], other], '')
  with pytest.raises(UserError, match='--out=FOLDER would be right'):
    report.write(['a'], mean_spectra=True)


def test_runs_without_bands_have_no_evolution():
  assert _compared.evolution(course_of(1., 2.)) == {}
  found = _compared.evolution(course_of(1., 2., **BANDS))
  assert found['high'] == {1: .2, 2: .2} and [*found] == ['low', 'mid', 'high']
