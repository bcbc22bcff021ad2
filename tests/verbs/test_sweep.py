"""Sweeps: each combination is trained, and all are compared."""
import json

import pytest

from jgan import cli
from jgan.errors import SomeStopped, Stopped, UserError
from jgan.run import loop, seeds
from jgan.verbs import _page, _ranking, _sweep, report, watch


def swept(folder, *arguments):
  """Runs the command with some steps of a small pair."""
  command = cli.parse([
      'jgan', '--config=experiments/digits/default.py:smoke',
      f'--workdir={folder}', '--config.steps=4', '--config.log.every=1',
      '--config.eval.every=2', '--config.eval.samples=20',
      '--config.samples.every=0', '--config.checkpoint.every=2',
      '--config.devices=1', *arguments])
  return command.verb.run(command.config, command.flags)


RATES = '--sweep=config.optimizer.gen.lr={}'


@pytest.fixture(scope='module')
def rates(tmp_path_factory):
  """The folder of two rates; the second one stops as not finite."""
  folder = tmp_path_factory.mktemp('rates')
  with pytest.raises(SomeStopped, match=r'1 of 2 runs stopped.*gen.lr=1e\+30'):
    swept(folder, RATES.format('1e30,1e-3'))
  return folder


@pytest.fixture
def trained(monkeypatch):
  """The folders that are trained from now on; nothing is measured."""
  names, real = [], loop.run

  def run(config, folder, **rest):
    names.append(folder.name)
    return real(config, folder, **rest)

  monkeypatch.setattr(loop, 'run', run)
  monkeypatch.setattr(_page, 'write', lambda *_, **__: None)
  return names


@pytest.mark.long
def test_a_run_that_is_not_finite_is_told_and_the_others_go_on(rates):
  told = json.loads((rates / 'sweep.json').read_text())
  best, worst = told['combinations'].values()
  assert best['values'] == {'optimizer.gen.lr': 1e-3}
  assert best['moments']['fd_pixels']['best']['count'] == 1
  assert worst['values'] == {'optimizer.gen.lr': 1e30}
  assert not worst['moments']
  text = (rates / 'sweep.md').read_text()
  assert 'not finite' in text and '0 of 1' in text
  assert '<h1>' in (rates / 'index.html').read_text()
  assert [*told['finished'].values()] == [4]


@pytest.mark.long
def test_report_and_watch_take_the_folder_of_a_sweep(rates, caplog):
  text = report.write([str(rates)])
  assert 'optimizer.gen.lr=0.001' in text and '1e+30' not in text
  assert 'no checkpoint yet: optimizer.gen.lr=1e+30' in caplog.text
  assert watch.Watched((str(rates),)).names == [
      'optimizer.gen.lr=0.001', 'optimizer.gen.lr=1e+30']


def test_the_same_command_skips_and_a_changed_one_adds(rates, trained, caplog):
  page = (rates / 'index.html').stat().st_mtime_ns
  swept(rates, RATES.format('1e-3'))
  assert not trained
  assert (rates / 'index.html').stat().st_mtime_ns == page
  with caplog.at_level('INFO', logger='jgan'):
    text = swept(rates, RATES.format('1e-3,2e-3'))
  assert trained == ['optimizer.gen.lr=0.002']
  assert 'added: optimizer.gen.lr=0.002' in caplog.text
  assert text.count('\n| ') >= 3  # and what stopped before is in it
  with pytest.raises(UserError, match='holds a sweep: --sweep goes on'):
    swept(rates)
  with pytest.raises(UserError, match=r'another config \(batch: 16 -> 8'):
    swept(rates, RATES.format('1e-3'), '--config.batch=8')


def test_an_interrupted_sweep_goes_on(tmp_path, monkeypatch, trained):
  after = loop.Session.after

  def signalled(self, at, *rest):
    state = after(self, at, *rest)
    if at == 2:
      self.stop.signals.append(15)
    return state

  with monkeypatch.context() as patch:
    patch.setattr(loop.Session, 'after', signalled)
    with pytest.raises(Stopped, match='stopped at step 2'):
      swept(tmp_path, RATES.format('1e-3,2e-3'))
  assert trained == ['optimizer.gen.lr=0.001']
  assert '| 0.001' in (tmp_path / 'sweep.md').read_text()
  swept(tmp_path, RATES.format('1e-3,2e-3'))
  assert trained[1:] == ['optimizer.gen.lr=0.001', 'optimizer.gen.lr=0.002']
  records = (tmp_path / trained[0] / 'metrics.jsonl').read_text()
  assert [json.loads(line)['step'] for line in records.splitlines()] == [
      1, 2, 2, 3, 4, 4]  # scores have lines of their own


def test_networks_that_cannot_be_are_refused_before_the_first_run(
    tmp_path, trained):
  with pytest.raises(UserError, match='data.size=20 of --sweep: '):
    swept(tmp_path / 'run', '--sweep=config.data.size=16,20')
  assert not trained and not (tmp_path / 'run').exists()


@pytest.mark.parametrize('arguments, words', [
    (['--seeds=0,1', '--config.seeds=2'],
     'config.seeds=2 is not read beside --seeds=0,1'),
    ([RATES.format('1e-3'), '--distributed'], '--sweep with several processes'),
    (['--seeds=0,1', '--processes=2'], '--seeds with several processes'),
])
def test_what_cannot_be_together_is_refused(tmp_path, arguments, words):
  with pytest.raises(UserError, match=words):
    swept(tmp_path / 'run', *arguments)
  assert not (tmp_path / 'run').exists()


def test_a_folder_of_another_kind_is_refused(tmp_path):
  (tmp_path / 'config.json').write_text('{}')
  with pytest.raises(UserError, match='holds a run, and --sweep makes'):
    swept(tmp_path, RATES.format('1e-3'))


def test_seeds_are_handed_on_and_finished_ones_are_named(tmp_path, monkeypatch):
  """What trains them is tested in tests/run/test_seeds.py."""
  calls = []
  monkeypatch.setattr(
      seeds, 'run', lambda config, folder, **given: calls.append(
          (folder.name, given['chosen'], given['finished'])))
  monkeypatch.setattr(_sweep, 'glimpse', lambda *_: None)
  monkeypatch.setattr(_page, 'write', lambda *_, **__: None)
  swept(tmp_path / 'a', '--seeds=0,2')
  (tmp_path / 'a/seed_0/checkpoints/4').mkdir(parents=True)
  swept(tmp_path / 'a', '--seeds=0,2,5')
  swept(tmp_path / 'b', '--seeds=3', RATES.format('1e-3'))
  assert calls == [('a', (0, 2), []), ('a', (0, 2, 5), [0]),
                   ('optimizer.gen.lr=0.001', (3,), [])]


def of(score, *values, stopped=''):
  return {'values': {'x': score}, 'seeds': [0, 1], 'score': 'kid', 'runs': {
      f'seed_{i}': {'stopped': stopped, 'step': 8, 'scores': {
          'inception_score': {'last': 9., 'best': 9.},
          'kid': {'last': value + 1, 'best': value}}}
      for i, value in enumerate(values)}}


def test_the_table_is_sorted_by_the_mean_of_the_decisive_score():
  told, text = _ranking.ranked({
      'a': of(1, 4., 6.), 'b': of(2, .1, stopped='nan'), 'c': of(3, 1., 3.)})
  assert [*told] == ['c', 'a', 'b']
  assert told['c']['moments']['kid']['best'] == {
      'mean': 2., 'std': pytest.approx(2**.5), 'count': 2}
  head, _, first, *_ = text.splitlines()
  assert [cell.strip() for cell in head.split('|')][1:5] == [
      'x', 'runs', 'step', 'kid, best']
  assert '2 +- 1.41' in first and '3 +- 1.41' in first
  assert 'b/seed_0 stopped: nan' in text
