"""The loop, end to end, on digits: resume, preemption, bad numbers."""
import json
import os
import re
import shutil
import signal
import threading

import jax
import numpy as np
import pytest
from PIL import Image

from jgan import config as configs
from jgan import weights
from jgan.errors import Stopped, UserError
from jgan.run import announce, checkpoint, loop, parallel, scoring
from jgan.run.logbook import read
from jgan.score import record
from tests.rounding import assert_same_but_rounding


def equal(a, b):
  return jax.tree.all(jax.tree.map(np.array_equal, a, b))


@pytest.fixture(scope='module')
def unbroken(tmp_path_factory):
  """A run of four steps: its folder and final state."""
  folder = tmp_path_factory.mktemp('unbroken')
  return folder, loop.run(small(), folder)


def small():
  c = configs.base()
  c.steps, c.batch, c.devices = 4, 8, 1
  c.data = {'name': 'digits', 'size': 16}
  c.generator = {'name': 'dcgan', 'latent': 8, 'width': 4}
  c.discriminator = {'name': 'dcgan', 'width': 4}
  c.ema.decay = .9
  c.log.every = 1
  c.samples.update({'every': 2, 'count': 4})
  c.eval.update({'every': 2, 'metrics': ('fd_pixels',), 'samples': 20,
                 'batch': 10})
  c.checkpoint.update({'every': 2, 'best': 'eval/fd_pixels'})
  return c


def test_a_run_leaves_what_the_readme_promises(unbroken):
  folder, _ = unbroken
  for name in ('config.json', 'run.json', 'metrics.jsonl', 'metrics.csv',
               'samples/00000004.png', 'plots/curves.png', 'checkpoints/4'):
    assert (folder / name).exists(), name
  assert any((folder / 'tensorboard').iterdir())
  run = json.loads((folder / 'run.json').read_text())
  assert run['seed'] == 0 and run['versions']['jax'] == jax.__version__
  assert {'commit', 'devices', 'command'} <= set(run)
  config = json.loads((folder / 'config.json').read_text())
  assert config['generator']['initializer'] == 'torch_default'  # defaults too
  records = read(folder)
  assert [r['step'] for r in records] == [1, 2, 2, 3, 4, 4]
  assert all(np.isfinite(v) for r in records for v in r.values())
  header = (folder / 'metrics.csv').read_text().splitlines()[0]
  assert header.startswith('step,') and 'eval/fd_pixels' in header


def test_a_stopped_and_resumed_run_equals_the_unbroken_one(
    unbroken, tmp_path, interrupted, caplog):
  folder, state = unbroken
  with caplog.at_level('INFO', 'jgan'):
    interrupted(small(), tmp_path, step=2)
  assert 'finished, up to step 2, and saved; a second Ctrl-C' in caplog.text
  resumed = loop.run(small(), tmp_path)
  assert equal(state, resumed)
  for name in ('metrics.jsonl', 'metrics.csv', 'samples/00000002.png',
               'samples/00000004.png', 'plots/curves.png'):
    assert (folder / name).read_bytes() == (tmp_path / name).read_bytes(), name
  assert len(json.loads((tmp_path / 'run.json').read_text())['resumed']) == 1


@pytest.fixture
def heard_hangup():
  """SIGHUP ends a process, also if nohup started these tests."""
  earlier = signal.signal(signal.SIGHUP, signal.SIG_DFL)
  yield
  signal.signal(signal.SIGHUP, earlier)


@pytest.mark.usefixtures('heard_hangup')
def test_a_signal_within_an_evaluation_ends_the_run_saved(
    unbroken, tmp_path, monkeypatch):
  """It goes on with that evaluation, and ends as the unbroken run does."""
  now = scoring.Scoring.now

  def late(self, at, state):
    if at != step:
      return now(self, at, state)
    os.kill(os.getpid(), signals[step])
    threading.Event().wait(60)  # an evaluation that takes a minute

  signals = {2: signal.SIGHUP, 4: signal.SIGTERM}
  for step in signals:
    with monkeypatch.context() as patch, pytest.raises(
        Stopped, match=f'stopped at step {step}: saved'):
      patch.setattr(scoring.Scoring, 'now', late)
      loop.run(small(), tmp_path)
  assert equal(loop.run(small(), tmp_path), unbroken[1])
  assert read(tmp_path) == read(unbroken[0])
  assert record.of_average(tmp_path) == record.of_average(unbroken[0])


def test_a_score_in_flight_is_the_one_that_training_would_wait_for(
    tmp_path, monkeypatch):
  """Also where a signal gives it up, and the resumed run repeats it."""
  c = small()
  c.steps, c.eval.every, c.checkpoint.every = 10, 4, 8
  c.samples.every, c.checkpoint.best = 0, 'eval/fd_pixels'
  waited = loop.run(c, tmp_path / 'waited')
  c.eval.overlap = 'on'
  land = loop.Session.land

  def landed(self):
    land(self)
    self.saved.wait()
    if not (tmp_path / 'killed').exists():  # the first is the best so far
      shutil.copytree(tmp_path / 'flown', tmp_path / 'killed')

  with monkeypatch.context() as patch:
    patch.setattr(loop.Session, 'land', landed)
    flown = loop.run(c, tmp_path / 'flown')
  assert equal(waited, flown)
  folders = [tmp_path / name for name in ('waited', 'flown')]
  scores, lines = ([*map(of, folders)] for of in (record.of_average, read))
  assert scores[0] == scores[1] and len(scores[0]) == 3
  assert lines[0] != lines[1]  # training went on before the scores were there
  assert sorted(map(str, lines[0])) == sorted(map(str, lines[1]))
  after = loop.Session.after
  for step, begun in ((6, 4), (9, 8)):
    def signalled(self, at, *rest, step=step):
      state = after(self, at, *rest)
      if at == step:
        os.kill(os.getpid(), signal.SIGTERM)
      return state

    with monkeypatch.context() as patch, pytest.raises(
        Stopped, match=f'stopped at step {begun}: saved'):
      patch.setattr(loop.Session, 'after', signalled)
      loop.run(c, tmp_path / 'stopped')
  steps = lambda folder: checkpoint.Checkpoints(
      folder / 'checkpoints', read_only=True).steps()
  assert steps(tmp_path / 'killed') == [4]
  for folder in tmp_path / 'stopped', tmp_path / 'killed':
    assert equal(loop.run(c, folder), flown)
    assert read(folder) == lines[1]
    assert record.of_average(folder) == scores[1]
    assert steps(folder) == steps(tmp_path / 'flown')


def test_records_after_the_checkpoint_are_written_again_not_twice(
    unbroken, tmp_path, interrupted):
  """As after kill -9 between two checkpoints."""
  folder, _ = unbroken
  interrupted(small(), tmp_path, step=2)
  with (tmp_path / 'metrics.jsonl').open('a') as file:
    file.write('{"step": 3, "disc/loss": 123.0}\n{"step": 4, "disc/lo')
  loop.run(small(), tmp_path)
  assert read(folder) == read(tmp_path)


def test_a_finished_run_is_left_as_it_is(unbroken):
  folder, state = unbroken
  before = (folder / 'metrics.jsonl').read_bytes()
  assert equal(loop.run(small(), folder), state)
  assert (folder / 'metrics.jsonl').read_bytes() == before


def test_grids_before_the_first_step_change_nothing_else(unbroken, tmp_path):
  """Of real images, and of what an untrained generator makes."""
  c = small()
  c.samples.initial = True
  assert equal(loop.run(c, tmp_path), unbroken[1])
  shown = {file.name for file in (tmp_path / 'samples').iterdir()}
  assert shown == {'reals.png', '00000000.png', '00000002.png', '00000004.png'}
  reals, fakes = (np.asarray(Image.open(tmp_path / 'samples' / name))
                  for name in ('reals.png', '00000000.png'))
  assert reals.shape == fakes.shape and reals.std() > 2 * fakes.std()
  assert read(tmp_path) == read(unbroken[0])
  file = tmp_path / 'samples' / '00000000.png'
  file.unlink()
  loop.run(c, tmp_path)  # it has begun already
  assert not file.exists()


def test_another_seed_is_another_run(unbroken, tmp_path):
  c = small()
  c.seed = 1
  assert not equal(loop.run(c, tmp_path).gen.params, unbroken[1].gen.params)


def test_a_changed_config_is_refused_naming_the_keys(unbroken):
  c = small()
  c.optimizer.gen.lr = 1e-3
  with pytest.raises(UserError, match=r'optimizer\.gen\.lr: 0\.0002 -> 0\.001'):
    loop.run(c, unbroken[0])


def test_keys_that_jgan_got_since_a_run_began_have_their_defaults(
    tmp_path, interrupted):
  """As after an update between two sessions: the same command goes on."""
  interrupted(small(), tmp_path, step=2)
  file = tmp_path / 'config.json'
  record = json.loads(file.read_text())
  del record['schedules'], record['eval']['subset']
  sinks = record['log'].pop('sinks')
  record['log']['writers'] = []  # as before there were sinks
  file.write_text(json.dumps(record))
  assert int(loop.run(small(), tmp_path).step) == 4
  assert json.loads(file.read_text())['log'] == {
      'every': 1, 'sinks': sinks}
  assert not list(tmp_path.glob('config.until-*.json'))


def test_a_changed_config_is_taken_when_allowed(tmp_path, interrupted):
  interrupted(small(), tmp_path, step=2)
  c = small()
  c.steps = 6
  state = loop.run(c, tmp_path, allow_config_change=True)
  assert int(state.step) == 6
  assert json.loads((tmp_path / 'config.json').read_text())['steps'] == 6
  assert list(tmp_path.glob('config.until-*.json'))


def test_another_model_in_the_checkpoint_is_named(unbroken):
  c = small()
  c.generator.width = 8
  with pytest.raises(UserError, match='is of another model: .* there and'):
    loop.run(c, unbroken[0], allow_config_change=True)
  (unbroken[0] / 'config.json').unlink()  # as the next run would leave it
  loop.run(small(), unbroken[0])


def test_computing_in_float64_and_other_random_numbers_are_refused(
    double, tmp_path):
  with double(), pytest.raises(UserError, match='jax_enable_x64 is True'):
    loop.run(small(), tmp_path)
  with (jax.default_prng_impl('rbg'),
        pytest.raises(UserError, match="jax_default_prng_impl is 'rbg'")):
    loop.run(small(), tmp_path)


def test_a_time_that_was_not_measured_gives_no_estimate(caplog):
  """The first step of a turn, whose clock begins after its compilation."""
  with caplog.at_level('INFO', 'jgan'):
    assert not announce.speed(small(), None, (2, 0.), 2, {'disc/loss': 1.})
  assert 'step 2/4' in caplog.text and 'ETA' not in caplog.text


def test_a_non_finite_loss_stops_the_run_and_keeps_the_last_checkpoint(
    tmp_path, interrupted):
  c = small()
  interrupted(small(), tmp_path, step=2)
  c.optimizer.disc.lr = 1e30
  c.steps = 40
  c.log.every = 10
  with pytest.raises(Stopped, match=r'not finite at step \d+\. .*\(step 2\)'):
    loop.run(c, tmp_path, allow_config_change=True)
  assert checkpoint.Checkpoints(tmp_path / 'checkpoints').steps() == [2]


def test_two_runs_in_one_folder_are_refused(tmp_path):
  from jgan import workdir
  c = configs.complete(small())
  with workdir.opened(tmp_path, c), pytest.raises(
      UserError, match='another run is writing'), workdir.opened(tmp_path, c):
    pass


def test_a_workdir_that_cannot_be_written_is_a_clear_error(tmp_path):
  (tmp_path / 'file').write_text('')
  with pytest.raises(UserError, match='cannot write to --workdir'):
    loop.run(small(), tmp_path / 'file' / 'run')


def test_a_full_disk_stops_the_run_and_keeps_earlier_checkpoints(
    tmp_path, monkeypatch):
  """The checkpoint of step 4 meets a disk without space."""
  original = checkpoint.Checkpoints.save
  monkeypatch.setattr(
      checkpoint.ocp.CheckpointManager, 'save',
      full_disk_after(checkpoint.ocp.CheckpointManager.save, 2))
  with pytest.raises(Stopped, match='No space left .* from step 2'):
    loop.run(small(), tmp_path)
  monkeypatch.undo()
  assert checkpoint.Checkpoints.save is original
  assert checkpoint.Checkpoints(tmp_path / 'checkpoints').steps() == [2]
  assert int(loop.run(small(), tmp_path).step) == 4


def full_disk_after(save, last):
  def limited(self, step, **arguments):
    if step > last:
      raise OSError(28, 'No space left on device')
    return save(self, step, **arguments)
  return limited


def test_the_best_checkpoint_stays(tmp_path):
  """With the first evaluation the best, it outlives the last `keep`."""
  c = small()
  c.steps = 8
  c.checkpoint.keep = 1
  values = iter([1., 5., 6., 7.])
  original = loop.Session.__init__

  def scripted(self, *arguments):
    original(self, *arguments)
    self.scoring.now = lambda step, state: (
        {'eval/fd_pixels': next(values)}, 'id')

  loop.Session.__init__ = scripted
  try:
    loop.run(c, tmp_path)
  finally:
    loop.Session.__init__ = original
  assert checkpoint.Checkpoints(tmp_path / 'checkpoints').steps() == [2, 8]


def test_several_steps_in_one_dispatch_give_the_state_of_single_steps(
    unbroken, tmp_path, interrupted):
  """And the same bits after a signal between two lengths of dispatches."""
  c = small()
  c.steps_per_call = 3
  for every in (c.log, c.samples, c.eval, c.checkpoint):
    every.every = 4
  c.log.every = 3  # chunks of 3 steps and 1
  state = loop.run(c, tmp_path / 'run')
  assert_same_but_rounding(state, unbroken[1])
  interrupted(c, tmp_path / 'again', step=3)
  assert equal(loop.run(c, tmp_path / 'again'), state)


def test_images_that_do_not_fit_beside_the_step_are_streamed(
    unbroken, tmp_path, monkeypatch, caplog):
  monkeypatch.setattr(parallel, 'limit', lambda where: 2**23)
  monkeypatch.setattr(parallel, 'memory', lambda call: 2**23 + 1)
  with caplog.at_level('INFO', 'jgan'):
    state = loop.run(small(), tmp_path)
  assert 'do not fit' in caplog.text and equal(state, unbroken[1])


def test_a_signal_waits_for_few_dispatches(tmp_path, monkeypatch):
  waited, config = [], small()
  config.steps, config.eval.every = loop.IN_FLIGHT + 3, 0
  config.eval.metrics, config.checkpoint.best = (), ''
  block = jax.block_until_ready
  monkeypatch.setattr(jax, 'block_until_ready',
                      lambda x: waited.append(x) or block(x))
  loop.run(config, tmp_path)
  assert sum('gen/loss' in x for x in waited if isinstance(x, dict)) == 3


def test_nothing_is_compiled_after_the_first_step(tmp_path):
  """The loop calls one executable; jit caches do not grow after step 2."""
  import logging
  c = small()
  c.steps = 8
  seen = []

  class Watch(logging.Handler):
    def emit(self, record):
      if 'Compiling' in record.getMessage():
        seen.append(record.getMessage())

  watch = Watch()
  loggers = [logging.getLogger(n) for n in ('jax._src.interpreters.pxla',
                                            'jax._src.dispatch')]
  original = loop.Session.after

  def watched(self, step, *rest):
    state = original(self, step, *rest)
    if step == 4:
      assert seen  # the watch does see compilations
      seen.clear()
    return state

  jax.config.update('jax_log_compiles', True)
  for logger in loggers:
    logger.addHandler(watch)
  loop.Session.after = watched
  try:
    loop.run(c, tmp_path)
  finally:
    loop.Session.after = original
    jax.config.update('jax_log_compiles', False)
    for logger in loggers:
      logger.removeHandler(watch)
  assert seen == []


def test_training_starts_from_exported_weights(unbroken, tmp_path):
  file = weights.save(unbroken[1].ema, tmp_path / 'g.safetensors')
  c = small()
  c.init.generator = str(file)
  c = configs.complete(c)
  where = parallel.layout(c)
  from jgan import build
  method, source = build.method(c), build.source(c, '')
  saved = checkpoint.Checkpoints(tmp_path / 'none')
  state, step, _ = loop.begin(
      c, *loop.first_state(c, method, source), saved, where)
  assert step == 0
  assert equal(state.gen.params, unbroken[1].ema.params)
  assert equal(state.ema.stats, unbroken[1].ema.stats)
  c = small()
  c.init.generator = str(file)
  c.generator.width = 8
  with pytest.raises(UserError, match='does not fit the model'):
    loop.run(c, tmp_path / 'run')
  assert not (tmp_path / 'run').exists()  # for the config that will be right


def test_a_best_of_another_protocol_is_not_compared_with(
    tmp_path, interrupted, caplog):
  """After a change of eval.samples the best is sought anew, and it is said."""
  interrupted(small(), tmp_path, step=2)
  c = small()
  c.eval.samples = 30
  with caplog.at_level('WARNING', 'jgan'):
    loop.run(c, tmp_path, allow_config_change=True)
  assert 'another protocol' in caplog.text


def test_a_profile_lists_the_costliest_operations(tmp_path, caplog):
  c = small()
  c.profile.update({'start': 1, 'steps': 2})
  c.eval.every, c.checkpoint.best = 0, ''
  with caplog.at_level('INFO', 'jgan'):
    loop.run(c, tmp_path, profiled=True)  # what the config says is traced
  table = (tmp_path / 'profile' / 'operations.md').read_text()
  assert any((tmp_path / 'profile').rglob('*.pb'))
  assert 'profile of steps 2 to 3' in caplog.text and table in caplog.text
  with caplog.at_level('WARNING', 'jgan'):  # the run is at its end
    loop.run(c, tmp_path)
  assert 'nothing was profiled' in caplog.text
  assert 'By time:' in table and 'By bytes' in table
  assert re.search(r'step_1/\S*conv\S* +\| +\d+ \|', table)


def test_bfloat16_computes_in_it_and_keeps_float32(tmp_path, caplog):
  c = small()
  c.dtype = 'bfloat16'
  c.eval.every, c.checkpoint.best = 0, ''
  state = loop.run(c, tmp_path)
  for x in jax.tree.leaves((state.gen, state.disc, state.ema)):
    assert x.dtype != jax.numpy.bfloat16
  assert all(np.isfinite(v) for r in read(tmp_path) for v in r.values())
  plain = small()
  plain.eval.every, plain.checkpoint.best = 0, ''
  other = loop.run(plain, tmp_path / 'float32')
  assert not equal(state.gen.params, other.gen.params)
  # On a CPU, 'auto' goes on in float32 with what a TPU began in bfloat16.
  with caplog.at_level('INFO', 'jgan'):
    loop.run(plain, tmp_path, allow_config_change=True)
  assert 'computing in float32' in caplog.text
  assert ('networks computed in bfloat16 so far, and compute in float32 from '
          'here on: --config.dtype=bfloat16 would go') in caplog.text
