"""Many seeds: in one program, and in processes."""
import json
import os
import pathlib
import shutil
import signal
import sys
import types

import jax
import numpy as np
import pytest

from jgan import build
from jgan import config as configs
from jgan.errors import NonFinite, Stopped, UserError
from jgan.run import checkpoint, loop, outcomes, parallel, seeds
from jgan.run.logbook import read
from jgan.run.sessions import Sessions
from tests.rounding import assert_same_but_rounding


def small(**changes):
  c = configs.base()
  c.steps, c.batch, c.devices, c.seeds = 4, 8, 2, 2
  c.data = {'name': 'mixture', 'render': 'images', 'size': 16,
            'count': 64}
  c.generator = {'name': 'dcgan', 'latent': 4, 'width': 4}
  c.discriminator = {'name': 'dcgan', 'width': 4}
  c.loss = {'name': 'mmd'}
  c.feedback = ({'name': 'kernel_bound', 'metric': 'eval/fd_pixels'},)
  c.ema.decay = .9
  c.log.every = 1
  c.samples.update({'every': 4, 'count': 4})
  c.eval.update({'every': 2, 'metrics': ('fd_pixels',), 'samples': 20,
                 'batch': 10, 'probes': ('gradient_norm',)})
  c.checkpoint.update({'every': 2, 'best': 'eval/fd_pixels'})
  c.update_from_flattened_dict(changes)
  return c


def state_of(folder, step=4):
  """The state of a checkpoint of a run."""
  config = configs.from_record(configs.recorded(folder))
  like = build.abstract(config, build.method(config))
  saved = checkpoint.Checkpoints(folder / 'checkpoints', read_only=True)
  return saved.restore(step, like)[0]


def equal(a, b):
  return jax.tree.all(jax.tree.map(np.array_equal, a, b))


@pytest.fixture(scope='module')
def together(tmp_path_factory):
  """The folder of two runs in one program, each on a device of its own."""
  folder = tmp_path_factory.mktemp('together')
  seeds.run(small(), folder, together=True)
  return folder


def test_a_run_in_a_program_of_many_equals_its_lone_run(together, tmp_path):
  """And leaves the same files, which any verb can use."""
  alone = small(seed=1, seeds=1, devices=1)
  state = loop.run(alone, tmp_path)
  folder = together / 'seed_1'
  assert_same_but_rounding(state_of(folder), state)
  for a, b in zip(read(folder), read(tmp_path), strict=True):
    assert a.keys() == b.keys()
    np.testing.assert_allclose([*a.values()], [*b.values()], rtol=1e-3)
  names = lambda path: {file.relative_to(path) for file in path.glob('*/*')
                        if 'tfevents' not in file.name}
  assert names(folder) == names(tmp_path)
  mine, lone = configs.recorded(folder), configs.recorded(tmp_path)
  assert configs.differences(mine, lone) == ['devices: 2 -> 1']


def test_the_folder_of_many_runs_compares_their_scores(together):
  told = json.loads((together / 'seeds.json').read_text())
  lasts = [read(together / name)[-1]['eval/fd_pixels']
           for name in ('seed_0', 'seed_1')]
  moments = told['moments']['fd_pixels']['last']
  assert lasts[0] != lasts[1]
  assert moments == pytest.approx({
      'mean': np.mean(lasts), 'std': np.std(lasts, ddof=1), 'count': 2})
  table = (together / 'seeds.md').read_text()
  assert 'fd_pixels, best' in table and 'mean +- std of 2' in table
  assert not (together / 'checkpoints').exists()


def test_runs_stopped_within_an_evaluation_go_on_bit_for_bit(
    together, tmp_path, monkeypatch):
  """The first run has scored, the second one scores when it goes on."""
  evaluate = loop.Session.evaluate

  def late(self, step, state):
    if step == 2 and self.config.seed == 1:
      os.kill(os.getpid(), signal.SIGTERM)
      raise seeds.signals.Asked
    return evaluate(self, step, state)

  with monkeypatch.context() as patch, pytest.raises(
      Stopped, match='stopped at step 2: saved'):
    patch.setattr(loop.Session, 'evaluate', late)
    seeds.run(small(), tmp_path, together=True)
  seeds.run(small(), tmp_path, together=True)
  for name in ('seed_0', 'seed_1'):
    assert equal(state_of(tmp_path / name), state_of(together / name))
    assert read(tmp_path / name) == read(together / name)
  assert json.loads((tmp_path / 'seeds.json').read_text()) == json.loads(
      (together / 'seeds.json').read_text())


def test_runs_go_on_from_the_newest_step_that_all_have(
    together, tmp_path):
  """A kill may leave the last checkpoint of one run only."""
  shutil.copytree(together, tmp_path, dirs_exist_ok=True)
  saved = checkpoint.Checkpoints(tmp_path / 'seed_1' / 'checkpoints')
  saved.go_back(2, {})
  saved.close()
  seeds.run(small(), tmp_path, together=True)
  for name in ('seed_0', 'seed_1'):
    assert equal(state_of(tmp_path / name), state_of(together / name))
    assert read(tmp_path / name) == read(together / name)


def test_a_run_that_is_not_finite_stops_alone(together, tmp_path, monkeypatch):
  check = loop.Session.require_finite

  def checked(self, health, metrics):
    if self.config.seed == 0:
      raise NonFinite('disc/loss is not finite at step 1', 1, 'disc/loss')
    check(self, health, metrics)

  monkeypatch.setattr(loop.Session, 'require_finite', checked)
  for _ in range(2):  # the second time it is left out
    with pytest.raises(Stopped, match='1 of 2 runs .*seed_0: disc/loss is not'):
      seeds.run(small(), tmp_path, together=True)
    assert equal(state_of(tmp_path / 'seed_1'), state_of(together / 'seed_1'))
  assert 'seed_0 (stopped)' in (tmp_path / 'seeds.md').read_text()
  assert 'mean +- std of 1' in (tmp_path / 'seeds.md').read_text()


def test_all_runs_save_where_one_has_its_best(monkeypatch):
  """Else a kill might find their checkpoints at different steps only."""
  def session(i):
    steps = [2 + i]
    saved = types.SimpleNamespace(
        wait=lambda: None, steps=lambda: steps,
        save=lambda step, *_: steps.append(step))
    return types.SimpleNamespace(
        folder=pathlib.Path(f'seed_{i}'), notes=dict, saved=saved)

  monkeypatch.setattr(loop.Session, 'work', lambda self, step, state: state)
  monkeypatch.setattr(Sessions, 'taken', lambda self, tree, i: tree)
  runs = {i: session(i) for i in range(2)}
  for step in 3, 4:  # the second run has saved after step 3
    Sessions(runs, None).work(step, types.SimpleNamespace(extra=None))
  assert [run.saved.steps() for run in runs.values()] == [[2, 3], [3, 3]]


def test_masks_drawn_by_the_seed_are_refused(tmp_path):
  c = small()
  c.optimizer.gen.pruning = {'name': 'rigl', 'start': 'random'}
  with pytest.raises(UserError, match="gen.pruning 'rigl' that draws"):
    seeds.run(c, tmp_path, together=True)


def test_a_run_in_a_process_equals_its_lone_run_bit_for_bit(tmp_path):
  c = configs.base()
  c.steps, c.batch, c.devices, c.log.every, c.seed = 2, 8, 1, 1, 3
  c.data = {'name': 'mixture'}
  c.generator = {'name': 'mlp', 'latent': 2, 'width': 8}
  c.discriminator = {'name': 'mlp', 'width': 8}
  c.samples.every = 0
  table = seeds.run(c, tmp_path / 'all', together=False)
  loop.run(c, tmp_path / 'lone')
  folder = tmp_path / 'all' / 'seed_3'
  assert (folder / 'metrics.jsonl').read_bytes() == (
      tmp_path / 'lone' / 'metrics.jsonl').read_bytes()
  assert equal(state_of(folder, 2), state_of(tmp_path / 'lone', 2))
  assert 'No scores' in table


@pytest.fixture
def pretended(monkeypatch):
  """Replaces the command of a run by a program, given as its text."""
  def replace(program):
    monkeypatch.setattr(seeds, '_COMMAND', (sys.executable, '-c', program))
  return replace


def test_a_process_that_stops_leaves_the_others(tmp_path, pretended):
  pretended('import sys; folder = sys.argv[1]; '
            'print("jgan: error: disc/loss is not finite", flush=True)\n'
            'sys.exit(3 if folder.endswith("_1") else 0)')
  with pytest.raises(Stopped, match='1 of 3 .* seed_1: disc/loss is not'):
    seeds.run(small(seeds=3), tmp_path, together=False)
  assert outcomes.why_stopped(tmp_path / 'seed_1') == 'disc/loss is not finite'
  pretended('import sys; sys.exit("jgan: error: no data")'.replace(
      'sys.exit(', 'print(').replace('")', '"); sys.exit(2)'))
  with pytest.raises(UserError, match='no data'):
    seeds.run(small(), tmp_path / 'other', together=False)
  pretended('')  # the corrected command is not refused
  seeds.run(small(**{'data.count': 32}), tmp_path / 'other', together=False)
  assert configs.recorded(tmp_path / 'other/seed_1')['data']['count'] == 32


def test_a_signal_is_passed_on_to_all_processes(
    tmp_path, pretended, monkeypatch):
  pretended(f"""
import os, pathlib, signal, sys, time
def end(*_):
  print('saved', flush=True)
  sys.exit(3)
signal.signal(signal.SIGTERM, end)
folder = pathlib.Path(sys.argv[1].partition('=')[2])
(folder / 'ready').touch()
if folder.name == 'seed_0':
  while not (folder.parent / 'seed_1' / 'ready').exists():
    time.sleep(.01)
  os.kill({os.getpid()}, signal.SIGTERM)
time.sleep(60)
""")
  monkeypatch.setattr(os, 'sched_getaffinity', lambda _: {0, 1}, raising=False)
  with pytest.raises(Stopped, match='stopped: the runs are saved'):
    seeds.run(small(), tmp_path, together=False)
  for name in ('seed_0', 'seed_1'):
    assert 'saved' in (tmp_path / name / 'log.txt').read_text()


def test_runs_are_spread_over_a_divisor_of_the_devices():
  sizes = {n: parallel.layout_of_runs(small(devices=0), range(n)).mesh.size
           for n in (3, 8, 11, 12)}
  assert sizes == {3: 3, 8: 8, 11: 1, 12: 6}


def test_one_run_is_not_many(together, tmp_path):
  with pytest.raises(UserError, match='config.seeds=2, and one run is trained'):
    loop.run(small(), tmp_path)
  (tmp_path / 'lone' / 'checkpoints').mkdir(parents=True)
  with pytest.raises(UserError, match='holds one run, and config.seeds=2'):
    seeds.run(small(), tmp_path / 'lone', allow_config_change=True)
  with pytest.raises(UserError, match='holds the runs of 2 seeds'):
    loop.run(small(seeds=1), together, allow_config_change=True)
  with pytest.raises(UserError, match='give seeds up to 4294967293'):
    configs.complete(small(seed=2**32 - 4))


@pytest.mark.long
def test_named_seeds_may_be_added_and_finished_ones_stay(tmp_path):
  """The new one is trained by itself; config.seeds does not mean them."""
  config = small(**{'seeds': 1, 'steps': 2, 'devices': 1, 'feedback': (),
                    'eval.every': 0, 'eval.probes': (), 'checkpoint.best': '',
                    'samples.every': 0, 'loss': {'name': 'hinge'}})
  seeds.run(config, tmp_path, together=True, chosen=(0, 3))
  before = (tmp_path / 'seed_3/metrics.jsonl').stat().st_mtime_ns
  text = seeds.run(config, tmp_path, together=True, chosen=(0, 3, 1),
                   finished=(0, 3))
  assert (tmp_path / 'seed_3/metrics.jsonl').stat().st_mtime_ns == before
  assert [run['seed'] for run in json.loads(
      (tmp_path / 'seeds.json').read_text())['runs'].values()] == [0, 3, 1]
  assert 'mean +- std of 3' in text
  assert int(state_of(tmp_path / 'seed_1', 2).step) == 2
  with pytest.raises(UserError, match='--seeds=0,1,3 would be right'):
    seeds.run(small(), tmp_path, together=True)
