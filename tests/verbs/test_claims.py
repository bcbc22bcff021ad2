"""Claims: what is compared, the numbers behind the words, and the document."""
import json
import pathlib
import re

import pytest

from experiments.mini import claims as rows
from jgan import cli, experiment
from jgan import config as configs
from jgan.errors import Stopped, UserError
from jgan.run import loop
from jgan.verbs import _claims, _claims_page, _claims_runs, claims
from jgan.verbs import _claims_seen as seen
from jgan.workdir import append

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / 'docs' / 'claims.md'
RECORD = ROOT / 'docs' / 'claims.json'

TINY = """
train = ['--config=experiments/digits/default.py:smoke', '--workdir={run}',
         '--config.seed={seed}', '--config.loss.name={row}',
         '--config.steps=2', '--config.eval.every=1', '--config.log.every=1',
         '--config.eval.samples=20', '--config.checkpoint.every=1',
         '--config.samples.every=0', '--config.devices=1']

[[claim]]
name = 'tiny'
title = 'Least squares over the hinge loss'
source = 'a test'
claimed = 'it is better'
setting = 'two steps'
remark = 'Two steps say little.'
seeds = 2
minutes = 1
score = {label = 'fd_pixels', value = 'final', better = 'lower', says = 'FD'}
pair = [{name = 'both', baseline = 'hinge', method = 'leastsquares'}]

[[claim.mechanism]]
label = 'disc/loss'
value = 'late'
better = 'lower'
says = "D's loss"

[claim.fails]
arm = 'hinge'
label = 'fd_pixels'
value = 'final'
above = 1.0
says = 'FD of the hinge loss'
"""


@pytest.fixture(scope='module')
def every():
  return _claims.load()


def run_of(*scores, stopped='', label='fd_pixels'):
  """A run that was scored at steps 1, 2, ... and stopped, or not."""
  return {'stopped': stopped, 'steps': [*range(1, len(scores) + 1)],
          'values': {label: [*scores]}}


def of_arms(baseline, method):
  """The record of a claim: the last scores of the seeds of two arms."""
  arm = lambda values: {str(i): run_of(9., x) for i, x in enumerate(values)}
  return {'hinge': arm(baseline), 'leastsquares': arm(method)}


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
  """The folder of a claims.toml."""
  folder = tmp_path_factory.mktemp('tiny')
  (folder / 'claims.toml').write_text(TINY)
  return folder


def claim_of(folder, seeds=2):
  claim, = _claims.load(str(folder / 'claims.toml'))
  return claim._replace(seeds=seeds, mechanism=[])


def run(folder, *flags):
  command = cli.parse(['jgan', '--mode=claims', '--in_turn',
                       f'--file={folder}/claims.toml',
                       f'--json={folder}/claims.json', *flags])
  return command.verb.run(command.config, command.flags)


# ---- the claims

def test_every_arm_can_be_trained(every):
  """Its commands are understood, and the config of a row is whole."""
  for claim in every:
    for arm in claim.arms:
      if _claims_runs.is_row(arm):
        assert arm.name in rows.ROWS, arm.name
      for arguments in arm.commands:
        if any(word.startswith('--config=') for word in arguments):
          # What an earlier command writes.
          arguments = [re.sub(r'[^=]+genotype\.json', 'alphagan_s', word)
                       for word in arguments]
          assert _claims_runs.understood(
              arm, arguments, pathlib.Path('runs'), 0, 'DATA').config


def test_every_row_belongs_to_a_claim(every):
  assert {*rows.ROWS} <= {word for claim in every for arm in claim.arms
                          for word in re.findall(r'\w+', repr(arm))}


@pytest.mark.parametrize('row', rows.ROWS)
def test_every_row_completes_also_small(row):
  for form in ('', ':smoke'):
    config = configs.complete(experiment.load(
        f'experiments/mini/claims.py:{row}{form}'))
    assert config.eval.every and config.eval.metrics


def test_every_measure_is_one_of_the_runs(every):
  """Scores and probes that the configs of its arms measure."""
  for claim in every:
    for measure in (claim.score, *claim.mechanism):
      for pair in claim.pairs:
        for name in (pair.baseline, pair.method):
          if name in rows.ROWS and measure.label not in _claims_runs.SIZES:
            e = configs.complete(experiment.load(
                f'experiments/mini/claims.py:{name}')).eval
            for label in measure.label.split(' - '):
              part = label.split('/')[1:2] or [label.split('-')[0]]
              assert measure.absent is not None or part[0] in (
                  *e.metrics, *e.probes), (name, label)


def test_all_claims_take_two_hours_at_most(every):
  assert sum(claim.minutes for claim in every) <= 120
  assert all(claim.seeds >= 5 for claim in every)


@pytest.mark.parametrize('old, new, said', [
    ("value = 'final', better", "value = 'end', better", 'final'),
    ('seeds = 2', 'sedes = 2', 'sedes'),
    ("arm = 'hinge'", "arm = 'other'", 'other'),
    ('train = [', 'trains = [', 'train'),
    ('[[claim]]', '[[claim', 'cannot read')])
def test_a_damaged_file_of_claims_is_refused(tmp_path, old, new, said):
  (tmp_path / 'claims.toml').write_text(TINY.replace(old, new, 1))
  with pytest.raises(UserError, match=said):
    _claims.load(str(tmp_path / 'claims.toml'))


# ---- the numbers

def test_a_claim_holds_where_the_whole_interval_is_on_its_side(tiny):
  claim = claim_of(tiny, 3)
  one, = seen.outcomes(claim, of_arms([10, 11, 12], [5, 6, 7.1]))
  assert one.verdict == seen.HOLDS
  assert one.comparison.difference.mean == pytest.approx(-4.9667, abs=1e-4)
  other, = seen.outcomes(claim, of_arms([5, 6, 7.1], [10, 11, 12]))
  assert other.verdict == seen.OPPOSITE


def test_where_nothing_differs_by_a_tenth_that_is_said(tiny):
  one, = seen.outcomes(claim_of(tiny, 3), of_arms(
      [10, 11, 12], [10.1, 10.9, 12.05]))
  assert one.verdict == seen.NONE


@pytest.mark.parametrize('method, verdict', [
    ([10.1, 10.9, 12.05], seen.HOLDS), ([5., 6., 7.], seen.HOLDS),
    ([20., 21., 22.5], seen.OPPOSITE), ([5, 15, 9], seen.OPEN)])
def test_that_nothing_is_lost_can_be_claimed(tiny, method, verdict):
  claim = claim_of(tiny, 3)
  claim = claim._replace(pairs=[claim.pairs[0]._replace(equal=True)])
  one, = seen.outcomes(claim, of_arms([10, 11, 12], method))
  assert one.verdict == verdict


def test_wide_intervals_resolve_nothing(tiny):
  one, = seen.outcomes(claim_of(tiny, 3), of_arms([10, 11, 12], [5, 15, 9]))
  assert one.verdict == seen.OPEN


def test_a_baseline_that_does_not_fail_is_no_test(tiny):
  one, = seen.outcomes(claim_of(tiny, 3), of_arms([.1, .2, .3], [0., .1, .2]))
  assert one.verdict == seen.UNTESTED
  other = claim_of(tiny, 3)
  other = other._replace(fails=other.fails | {'arm': 'leastsquares'})
  one, = seen.outcomes(other, of_arms([.1, .2, .3], [0., .1, .2]))
  assert one.verdict != seen.UNTESTED  # asked of another baseline


def test_a_run_that_stopped_has_the_worst_number_and_a_break(tiny):
  claim = claim_of(tiny, 2)
  arms = of_arms([3, 4], [1, 2])
  arms['hinge']['1'] = run_of(2., 5., stopped='not finite')
  measure = claim.score
  assert seen.numbers(claim, arms, measure, claim.pairs[0]) == {
      'hinge': [3., 3.], 'leastsquares': [1., 2.]}
  breaks = measure._replace(value='breaks')
  assert seen.numbers(claim, arms, breaks, claim.pairs[0])['hinge'] == [0., 2.]


@pytest.mark.parametrize('value, known', [
    ('final', 3.), ('best', 2.), ('worst_late', 6.), ('late', 4.5),
    ('breaks', 1.)])
def test_the_numbers_of_a_course(value, known):
  assert seen.number(run_of(8., 2., 6., 3.), 'fd_pixels', value,
                     'lower') == known


# ---- the runs

def test_what_a_run_measured(tmp_path):
  """Scores, probes, the difference of two, and what it does not measure."""
  for line in ({'step': 1, 'eval/fd': 2.000004}, {'step': 1, 'disc/p': .5},
               {'step': 2, 'eval/fd': 1., 'probe/a': 3., 'probe/b': 1.}):
    append(tmp_path / 'metrics.jsonl', line)
  assert _claims_runs.measured(tmp_path, {
      'fd': None, 'disc/p': 0., 'probe/a - probe/b': None, 'disc/q': 0.}) == {
          'stopped': '', 'steps': [1, 2], 'values': {
              'fd': [2., 1.], 'disc/p': [.5, None],
              'probe/a - probe/b': [None, 2.], 'disc/q': [None, 0.]}}
  with pytest.raises(UserError, match='measured no kid'):
    _claims_runs.measured(tmp_path, {'kid': None})


@pytest.mark.long
def test_a_claim_is_trained_after_a_kill_too_and_told(tiny, monkeypatch):
  real, trained = loop.run, []

  def killed(config, folder, **rest):
    if len(trained) == 2:
      trained.append('killed')
      raise Stopped('preempted')
    trained.append('/'.join(pathlib.Path(folder).parts[-2:]))
    return real(config, folder, **rest)

  monkeypatch.setattr(loop, 'run', killed)
  with pytest.raises(Stopped, match='preempted'):
    run(tiny, f'--workdir={tiny}/runs')
  text = run(tiny, f'--workdir={tiny}/runs', f'--out={tiny}/claims.md')
  assert trained == ['hinge/seed_0', 'hinge/seed_1', 'killed',
                     'leastsquares/seed_0', 'leastsquares/seed_1']
  assert 'Least squares over the hinge loss' in text
  record = json.loads((tiny / 'claims.json').read_text())['tiny']
  course = record['arms']['leastsquares']['1']
  assert course['steps'] == [1, 2] and not course['stopped']
  assert {*course['values']} == {'fd_pixels', 'disc/loss'}
  document = (tiny / 'claims.md').read_text()
  assert '- FD of the hinge loss, `hinge`: ' in document
  assert 'Two steps say little.' in document
  assert (tiny / 'images' / 'claim_tiny.png').exists()

  # From the record alone, the same document; nothing is trained again.
  run(tiny, f'--out={tiny}/again.md')
  assert (tiny / 'again.md').read_text() == document
  run(tiny, f'--workdir={tiny}/runs')
  assert len(trained) == 5


def test_seeds_of_a_row_go_side_by_side(tiny, monkeypatch):
  asked = []
  monkeypatch.setattr(_claims_runs.seeds, 'run', lambda config, folder, **rest:
                      asked.append((folder.name, rest['chosen'],
                                    rest['finished'])))
  claim = claim_of(tiny)
  _claims_runs.train(claim, tiny / 'beside')
  assert asked == [('hinge', (0, 1), []), ('leastsquares', (0, 1), [])]
  _claims_runs.train(claim._replace(seeds=3), tiny / 'beside')
  assert asked[2:] == [('hinge', (0, 1, 2), [0, 1]),
                       ('leastsquares', (0, 1, 2), [0, 1])]


def test_a_claim_that_is_none_is_refused(tiny):
  with pytest.raises(UserError, match='tiny'):
    run(tiny, '--claims=tony', f'--workdir={tiny}/runs')
  with pytest.raises(UserError, match='--workdir'):
    run(tiny, '--claims=tiny')


def test_a_record_that_lacks_a_run_counts_as_not_run(tiny):
  claim = claim_of(tiny)
  arms = of_arms([3, 4], [1, 2])
  assert claims.whole(claim, arms)
  assert not claims.whole(claim._replace(seeds=3), arms)
  assert not claims.whole(claim._replace(score=claim.score._replace(
      label='kid')), arms)
  assert not claims.whole(claim._replace(sizes=True), arms)


def test_another_file_is_no_record(tmp_path):
  (tmp_path / 'claims.toml').write_text(TINY)
  (tmp_path / 'claims.json').write_text('{"tiny": {"arms": {}}}')
  with pytest.raises(UserError, match='cannot read --json'):
    run(tmp_path)


# ---- the document

def test_the_document_is_that_of_its_record(every):
  text = _claims_page.text(every, claims.read(RECORD, every), {
      name: f'images/claim_{name}.png' for name in claims.read(RECORD, every)})
  assert text == DOCUMENT.read_text()


def test_the_record_is_written_as_it_is_read(every, tmp_path):
  record = claims.read(RECORD, every)
  claims.write_json(tmp_path / 'again.json', every, record)
  assert (tmp_path / 'again.json').read_text() == RECORD.read_text()


def test_every_recorded_claim_has_all_of_its_runs(every):
  record = claims.read(RECORD, every)
  assert record
  for claim in every:
    if claim.name in record:
      arms = record[claim.name]['arms']
      for pair in claim.pairs:
        for name in (pair.baseline, pair.method):
          assert {str(seed) for seed in range(claim.seeds)} <= {*arms[name]}
      assert seen.outcomes(claim, arms)


def test_numbers_are_short():
  shown = [_claims_page.short(x) for x in (
      0., 12.3456, -.012345, 1234.5, 5e-4, 2e6, float('inf'))]
  assert shown == ['0', '12.3', '-0.0123', '1,234', '5.00e-04', '2.00e+06',
                   'inf']
