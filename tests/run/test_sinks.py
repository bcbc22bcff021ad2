"""Sinks of the log: what each is given, once, and what stops a run."""
import functools
import importlib.util
import json
import pathlib
import sys
import time
import types

import clu
import numpy as np
import pytest
from tensorboardX.proto import event_pb2, plugin_hparams_pb2

from jgan import config as configs
from jgan import contracts, lookup, observers
from jgan.errors import Stopped, UserError
from jgan.run import loop
from jgan.run.logbook import Logbook, read
from jgan.run.sinks import csv
from jgan.run.sinks._sink import Run, Sink

ROOT = pathlib.Path(__file__).resolve().parents[2]
IMAGE = np.zeros((4, 4, 3), np.uint8)


def events(folder):
  """The events of all files in a folder, in the order of TensorBoard."""
  for file in sorted(folder.iterdir()):
    data = file.read_bytes()
    while data:  # uint64 length, its checksum, the event, its checksum
      length = int.from_bytes(data[:8], 'little')
      yield event_pb2.Event.FromString(data[12:12 + length])
      data = data[16 + length:]


def config_of(*sinks):
  c = configs.base()
  c.log.sinks = sinks
  return configs.complete(c)


def session(folder, config, step, steps):
  """A Logbook that writes records of `steps`, going on from `step`."""
  book = Logbook(folder, step, config)
  for s in steps:
    book.write(s, {'disc/loss': s / 2})
    book.speed(s, {'steps_per_second': 9.})
    if s % 2 == 0:
      book.image(s, 'samples', IMAGE)
  return book


@pytest.mark.parametrize('name', lookup.names('run.sinks'))
def test_every_sink_says_what_it_needs_or_is_made(name, tmp_path):
  config = config_of(name)
  try:
    observers.check_sinks(config)
  except UserError as error:
    assert f"the extra '{name}'" in str(error)
    return
  for make in observers.sinks(config):
    sink = make(Run(tmp_path, configs.plain(config)))
    assert isinstance(sink, Sink)
    sink.scalars(1, {'a': .5})
    sink.speed(1, {'b': 1.})
    sink.image(1, 'c', IMAGE)
    sink.flush()
    sink.close()


def test_a_run_has_the_sinks_that_its_config_names_and_no_others(tmp_path):
  session(tmp_path, config_of(), 0, [1, 2]).close()
  assert [file.name for file in tmp_path.iterdir()] == ['metrics.jsonl']
  assert len(read(tmp_path)) == 2
  session(tmp_path, config_of('csv'), 2, [3]).close()
  assert len((tmp_path / 'metrics.csv').read_text().splitlines()) == 4
  assert configs.base().log.sinks == ({'name': 'csv'}, {'name': 'tensorboard'})


def test_the_sink_of_the_page_gets_the_records(
    tmp_path, monkeypatch, capsys):
  page = (ROOT / 'docs' / 'how_to' / 'log_sinks.md').read_text()
  module = types.ModuleType('jgan.run.sinks.lines')
  exec(page.rpartition('```python\n')[2].partition('```')[0], vars(module))
  contracts.check('run.sinks', module)
  monkeypatch.setattr(observers, 'sinks', lambda config: [functools.partial(
      module.make, prefix='disc/')])
  session(tmp_path, config_of(), 0, [1]).close()
  assert capsys.readouterr().out == "1 {'disc/loss': 0.5}\n"


def test_tensorboard_has_the_config_and_hyper_parameters(tmp_path):
  config = config_of('tensorboard')
  session(tmp_path, config, 0, [1, 2]).close()
  values = [value for event in events(tmp_path / 'tensorboard')
            for value in event.summary.value]
  text = next(v for v in values if v.tag == 'config/text_summary')
  assert json.loads(text.tensor.string_val[0]) == configs.plain(config)
  start = next(v for v in values if v.tag.startswith('_hparams_/'))
  given = plugin_hparams_pb2.HParamsPluginData.FromString(
      start.metadata.plugin_data.content).session_start_info.hparams
  assert given['loss.name'].string_value == 'nonsaturating'
  assert given['optimizer.gen.lr'].number_value == 2e-4
  assert [v.tag for v in values if v.HasField('image')] == ['samples']


def test_what_a_resumed_run_writes_again_tensorboard_reads_once(tmp_path):
  config = config_of('tensorboard')
  session(tmp_path, config, 0, [1, 2, 3]).close()
  session(tmp_path, config, 2, [3, 4]).close()
  starts = [event.step for event in events(tmp_path / 'tensorboard')
            if event.session_log.status == event_pb2.SessionLog.START]
  assert starts == [1, 3]  # it takes the second START for one of a restart


def test_a_sink_that_cannot_write_stops_the_run_and_closes_the_others(
    tiny, tmp_path, monkeypatch):
  closed = []

  class Full(Sink):
    def scalars(self, step, values):
      raise OSError(28, 'No space left on device')

    def close(self):
      closed.append('full')
      raise OSError(28, 'No space left on device')

  class Other(csv.Table):
    def close(self):
      closed.append('other')
      super().close()

  monkeypatch.setattr(observers, 'sinks', lambda config: [
      lambda run: Other(run.folder), lambda run: Full()])
  with pytest.raises(Stopped, match='No space left on device. The same comm'):
    loop.run(tiny, tmp_path)
  assert closed == ['full', 'other']
  assert (tmp_path / 'metrics.csv').exists()


@pytest.mark.parametrize('sinks, words', [
    (('cvs',), "no 'cvs' in run.sinks: did you mean 'csv'"),
    (('csv', 'csv'), "config.log.sinks has 'csv' twice"),
    (({'name': 'csv', 'sep': ';'},), r"unknown key 'sep' in config.log.sinks"),
    (({'name': 'wandb', 'mode': 'offlin'},), "did you mean 'offline'"),
    (({'name': 'clu', 'writers': ('sumary',)},), "did you mean 'summary'"),
    (({'name': 'clu', 'writers': 'summary'},), 'type tuple is needed'),
])
def test_mistakes_are_refused_before_anything_is_written(
    sinks, words, tiny, tmp_path):
  tiny.log.sinks = sinks
  with pytest.raises(UserError, match=words):
    loop.run(tiny, tmp_path / 'run')
  assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize('name, package', [('clu', 'tensorflow'),
                                           ('wandb', 'wandb')])
def test_without_its_library_a_sink_is_refused_with_the_extra(
    name, package, tiny, tmp_path, monkeypatch):
  module = {'clu': 'clu.metric_writers', 'wandb': 'wandb'}[name]
  monkeypatch.setitem(sys.modules, module, None)
  monkeypatch.delattr(clu, 'metric_writers', raising=False)
  tiny.log.sinks = ('csv', name)
  with pytest.raises(UserError, match=rf"pip install {package} .*'{name}' of"):
    loop.run(tiny, tmp_path / 'run')
  assert not (tmp_path / 'run').exists()


class Writer:
  """Stands in for a writer of clu."""
  made = ()

  def __init__(self, folder=''):
    self.folder, self.scalars, self.images, self.calls = folder, [], [], []
    Writer.made = (*Writer.made, self)

  def write_scalars(self, step, scalars):
    self.scalars.append((step, dict(scalars)))

  def write_images(self, step, images):
    self.images.append((step, {k: v.shape for k, v in images.items()}))

  def flush(self):
    self.calls.append('flush')

  def close(self):
    self.calls.append('close')


@pytest.fixture
def clu_writers(monkeypatch):
  """Stands in for clu.metric_writers, which needs TensorFlow."""
  module = types.ModuleType('clu.metric_writers')
  module.SummaryWriter = module.LoggingWriter = Writer
  tensorflow = types.ModuleType('tensorflow')
  tensorflow.errors = types.SimpleNamespace(OpError=ArithmeticError)
  monkeypatch.setitem(sys.modules, 'tensorflow', tensorflow)
  monkeypatch.setitem(sys.modules, 'clu.metric_writers', module)
  monkeypatch.setattr(clu, 'metric_writers', module, raising=False)
  monkeypatch.setattr(Writer, 'made', ())


def test_clu_gets_what_the_log_gets(clu_writers, tiny, tmp_path):
  tiny.log.sinks = ({'name': 'clu', 'writers': ('summary', 'logging')},)
  loop.run(tiny, tmp_path)
  summary, logging = Writer.made
  assert summary.folder == str(tmp_path / 'clu')
  records = [{'step': step, **values} for step, values in summary.scalars
             if 'disc/loss' in values]
  assert records == read(tmp_path)
  assert any('speed/steps_per_second' in v for _, v in logging.scalars)
  assert [step for step, _ in summary.images] == [2, 4]
  (shape,) = summary.images[0][1].values()
  assert len(shape) == 4 and shape[0] == 1
  assert 'flush' in summary.calls and logging.calls[-1] == 'close'


def test_what_tensorflow_cannot_write_is_an_error_of_the_disk(
    clu_writers, tmp_path, monkeypatch):
  def fail(self):
    raise ArithmeticError('No space left on device')
  monkeypatch.setattr(Writer, 'flush', fail)
  book = Logbook(tmp_path, 0, config_of('clu'))
  with pytest.raises(OSError, match="for sink 'clu': No space left"):
    book.flush()
  book.close()


def test_a_run_begun_with_writers_goes_on_with_the_sink_of_clu(
    clu_writers, tiny, tmp_path, interrupted):
  tiny.log.sinks = ('csv', 'tensorboard', 'clu')
  interrupted(tiny, tmp_path, step=2)
  file = tmp_path / 'config.json'
  record = json.loads(file.read_text())
  record['log']['writers'] = [*record['log'].pop('sinks')[2]['writers']]
  file.write_text(json.dumps(record))
  assert int(loop.run(tiny, tmp_path).step) == 4
  assert 'writers' not in json.loads(file.read_text())['log']


class Handle:
  """Stands in for a run of wandb: what it is given, and its log."""

  def __init__(self, folder):
    self.rows, self.finished, self.axes = [], False, []
    self.settings = types.SimpleNamespace(log_internal=folder / 'debug.log')
    self.settings.log_internal.write_text('')

  def define_metric(self, name, step_metric):
    self.axes.append((name, step_metric))

  def log(self, values):
    self.rows.append(values)

  def finish(self):
    self.finished = True


@pytest.fixture
def wandb(monkeypatch):
  """Stands in for wandb: `inits` has the arguments and handle of each run."""
  module = types.ModuleType('wandb')
  module.inits = []

  def init(**arguments):
    module.inits.append((arguments, Handle(arguments['dir'])))
    return module.inits[-1][1]

  module.init, module.Settings, module.Image = init, dict, np.shape
  module.errors = types.SimpleNamespace(Error=ConnectionRefusedError)
  monkeypatch.setitem(sys.modules, 'wandb', module)
  return module


def test_wandb_is_given_each_record_once_under_one_id(wandb, tmp_path):
  config = config_of('wandb')
  session(tmp_path, config, 0, [1, 2, 3])  # killed: not closed
  session(tmp_path, config, 2, [3, 4]).close()
  (first, before), (second, after) = wandb.inits
  assert first['mode'] == 'offline' and first['config'] == configs.plain(config)
  assert first['id'] == second['id'] and second['resume'] == 'allow'
  rows = [*before.rows, *after.rows]
  assert [row for row in rows if 'disc/loss' in row] == read(tmp_path)
  assert [row['step'] for row in rows if 'speed/steps_per_second' in row] == [
      1, 2, 3, 4]
  assert [row['step'] for row in rows if 'samples' in row] == [2, 4]
  assert before.axes == [('*', 'step')] and after.finished


def test_wandb_gets_earlier_records_when_it_comes_later(wandb, tmp_path):
  session(tmp_path, config_of(), 0, [1, 2, 3]).close()
  session(tmp_path, config_of('wandb'), 2, [3]).close()
  (_, handle), = wandb.inits
  assert [row for row in handle.rows if 'disc/loss' in row] == read(tmp_path)


def test_what_wandb_loses_is_an_error(wandb, tmp_path):
  book = session(tmp_path, config_of('wandb'), 0, [1])
  book.flush()
  (_, handle), = wandb.inits
  handle.settings.log_internal.write_text(
      '{"msg":"writer: failed to save record: no space left on device"}\n')
  for end in (book.flush, book.close):
    with pytest.raises(OSError, match='wandb lost records, as .*no space left'):
      end()


def test_what_wandb_refuses_and_a_damaged_id_are_one_line(wandb, tmp_path):
  def refuse(**arguments):
    raise wandb.errors.Error('no API key')
  wandb.init = refuse
  with pytest.raises(UserError, match="mode='offline': no API key"):
    Logbook(tmp_path, 0, config_of('wandb'))
  (tmp_path / 'wandb.json').write_text('{"id": 3}')
  with pytest.raises(UserError, match=r'wandb\.json is damaged'):
    Logbook(tmp_path, 0, config_of('wandb'))


@pytest.mark.skipif(not importlib.util.find_spec('wandb'),
                    reason='the extra wandb is not installed')
def test_wandb_itself_writes_a_run_of_its_own_for_each_session(tmp_path):
  config = config_of('wandb')
  for step, steps in ((0, [1, 2, 3]), (2, [3, 4])):
    session(tmp_path, config, step, steps).close()
  given = json.loads((tmp_path / 'wandb.json').read_text())
  assert given == {'id': given['id'], 'records': 4, 'speed': 4, 'images': 4}
  first, second = (file.read_bytes() for file in sorted(tmp_path.glob(
      f'wandb/offline-run-*/run-{given["id"]}.wandb')))
  assert first.count(b'disc/loss') > second.count(b'disc/loss') > 0


@pytest.mark.long
@pytest.mark.skipif(not importlib.util.find_spec('tensorflow'),
                    reason='the extra clu is not installed')
def test_clu_itself_writes_files_that_tensorboard_reads_once(tmp_path):
  from tensorboard.backend.event_processing import plugin_event_accumulator
  config = config_of('clu')
  session(tmp_path, config, 0, [1, 2, 3]).close()
  time.sleep(1.1)  # names of event files have the second
  session(tmp_path, config, 2, [3, 4]).close()
  read_back = plugin_event_accumulator.EventAccumulator(str(tmp_path / 'clu'))
  read_back.Reload()
  assert [e.step for e in read_back.Tensors('disc/loss')] == [1, 2, 3, 4]
