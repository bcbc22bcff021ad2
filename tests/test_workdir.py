"""The folder of a run: damaged records, its lock, its provenance."""
import contextlib
import errno
import json
import os

import numpy as np
import pytest

from jgan import config as configs
from jgan import provenance, workdir
from jgan.errors import Stopped, UserError
from jgan.run import findings, images, logbook, rollback, timing
from jgan.score import record


@contextlib.contextmanager
def opened(folder, tiny):
  with workdir.opened(folder, configs.complete(tiny)) as path:
    yield path


@pytest.mark.parametrize('damage', [
    b'{"st', b'\x00\x00\x00', b'\xff\xfe', b'[1]', b'{"a": 1}', b'',
    b'{"step": "2"}', b'{"step": 2, "a": "x"}', b'[' * 100000])
def test_a_broken_line_is_left_out_and_the_file_set_aside(
    damage, tmp_path, caplog):
  file = tmp_path / 'metrics.jsonl'
  whole = [b'{"step": 1, "a": 0.5}', b'{"step": 3, "a": 0.25}']
  text = b'\n'.join([whole[0], damage, whole[1], b''])
  file.write_bytes(text)
  with caplog.at_level('WARNING', 'jgan'):
    assert [r['step'] for r in logbook.read(tmp_path)] == [1, 3]
  assert 'line 2' in caplog.text
  book = logbook.Logbook(tmp_path, 3, configs.complete(configs.base()))
  book.close()
  assert file.read_bytes() == b'\n'.join([*whole, b''])
  assert (tmp_path / 'damaged' / 'metrics.jsonl').read_bytes() == text


def test_other_records_go_on_without_their_broken_lines(tmp_path):
  for name in ('timing.jsonl', 'evaluations.jsonl'):
    (tmp_path / name).write_bytes(b'{"step": 1}\n\x00\x00\n')
  assert timing.Timing(tmp_path, 1).now()['scoring'] == 0.
  assert record.of_average(tmp_path) == []

  class Scorer:
    previous, protocols = {}, ()

  record.go_on(tmp_path, 1, Scorer)
  assert (tmp_path / 'evaluations.jsonl').read_bytes() == b''
  assert len(list((tmp_path / 'damaged').iterdir())) == 2


SCORE = {'step': 1, 'values': {'fd': 2.}, 'identity': 'a',
         'protocol': {'generator': 'average', 'protocol': 'standard'}}


@pytest.mark.parametrize('wrong', [
    {'values': []}, {'values': {'fd': 'x'}}, {'values': {'fd': None}},
    {'protocol': []}, {'protocol': {}}, {'identity': [1]},
    {'protocol': {'generator': 'average', 'protocol': [1]}}])
def test_a_score_of_wrong_types_is_left_out(wrong, tmp_path, caplog):
  for name in ('evaluations.jsonl', 'scores.jsonl'):
    workdir.write_records(tmp_path / name, [SCORE, {**SCORE, **wrong}])
  assert record.of_average(tmp_path) == [SCORE, SCORE]
  assert 'line 2' in caplog.text
  workdir.write_records(tmp_path / 'timing.jsonl', [
      {'step': 1, 'training': 'x', 'scoring': None}])
  assert timing.read(tmp_path) == []


FINDING = {'step': 1, 'symptom': 'collapse', 'event': 'begins',
           'evidence': 'all alike', 'advice': 'less'}
BACK = {'step': 2, 'to': 1, 'symptom': 'collapse', 'evidence': 'all alike',
        'changes': [{'key': 'batch', 'value': 8}]}


@pytest.mark.parametrize('module, right, wrong', [
    (findings, FINDING, {'symptom': 5}), (findings, FINDING, {'advice': None}),
    (rollback, BACK, {'to': None}), (rollback, BACK, {'changes': [1]}),
    (rollback, BACK, {'changes': [{'key': 'batch'}]})])
def test_a_finding_or_rollback_of_wrong_types_is_left_out(
    module, right, wrong, tmp_path, caplog):
  name = f'{module.__name__.split(".")[-1].rstrip("s")}s.jsonl'
  workdir.write_records(tmp_path / name, [right, {**right, **wrong}])
  assert module.read(tmp_path) == [right] and 'line 2' in caplog.text


def test_a_score_of_weights_of_an_unknown_step_is_one(tmp_path, caplog):
  exported = {**SCORE, 'step': None, 'protocol': {
      'generator': 'exported', 'protocol': 'standard'}}
  workdir.write_records(tmp_path / 'scores.jsonl', [exported, SCORE])
  assert record.of_average(tmp_path) == [SCORE]
  assert record.of_generator(tmp_path, None, 'exported') == [exported]
  assert 'damaged' not in caplog.text


def test_a_record_that_is_no_file_is_not_waited_for(tiny, tmp_path):
  for name in ('run.json', 'config.json', 'images.json', 'metrics.jsonl'):
    os.mkfifo(tmp_path / name)
  assert configs.recorded(tmp_path) is None
  assert logbook.read(tmp_path) == []
  with opened(tmp_path, tiny):
    assert 'command' in json.loads((tmp_path / 'run.json').read_text())


@pytest.mark.parametrize('text', ['', '{', '[1]', '{"resumed": 3}', '\x00',
                                  '[' * 100000])
def test_a_damaged_run_json_is_begun_anew(text, tiny, tmp_path, caplog):
  (tmp_path / 'run.json').write_text(text)
  with caplog.at_level('WARNING', 'jgan'), opened(tmp_path, tiny):
    assert 'command' in json.loads((tmp_path / 'run.json').read_text())
  assert 'run.json is damaged' in caplog.text
  assert (tmp_path / 'damaged' / 'run.json').read_text() == text


@pytest.mark.parametrize('text', ['', '{', '[]', '\x00', '{"data": 5}',
                                  '{"generator": {"name": []}}', '[' * 100000,
                                  '{"factored": "x"}'])
def test_a_damaged_config_json_is_refused_when_it_resumes(
    text, tiny, tmp_path):
  (tmp_path / 'config.json').write_text(text)
  with (pytest.raises(UserError, match='damaged|another config'),
        opened(tmp_path, tiny)):
    pass
  if text:
    with pytest.raises(UserError):
      configs.from_record(configs.recorded(tmp_path))


def test_another_config_is_refused_with_both_ways_to_go_on(tiny, tmp_path):
  with opened(tmp_path, tiny):
    (tmp_path / 'metrics.jsonl').touch()
  tiny.steps += 1
  with (pytest.raises(UserError, match=f'steps: {tiny.steps - 1} -> .*Without '
                      '--config it goes on .* --allow_config_change'),
        opened(tmp_path, tiny)):
    pass


def test_a_mistake_that_ended_a_run_before_it_began_may_be_corrected(
    tiny, tmp_path):
  with opened(tmp_path, tiny):
    images.settle(tmp_path, np.zeros((4, 2, 2, 1), np.uint8), '')
  tiny.steps += 1
  with opened(tmp_path, tiny):
    images.settle(tmp_path, np.zeros((5, 2, 2, 1), np.uint8), '')
  assert configs.recorded(tmp_path)['steps'] == tiny.steps
  assert len([*tmp_path.glob('config.until-*.json')]) == 1
  assert json.loads((tmp_path / 'images.json').read_text())['shape'][0] == 5


def test_the_config_of_another_program_is_not_written_over(tiny, tmp_path):
  (tmp_path / 'config.json').write_text('{"model_type": "gpt2"}')
  with pytest.raises(UserError, match='another config'), opened(tmp_path, tiny):
    pass


def test_a_library_without_a_version_stops_no_run(
    tiny, tmp_path, monkeypatch):
  monkeypatch.setattr(provenance, '_LIBRARIES', ('nonesuch',))
  with opened(tmp_path, tiny):
    pass
  run = json.loads((tmp_path / 'run.json').read_text())
  assert run['versions']['nonesuch'] == 'unknown'


@pytest.mark.parametrize('how', ['flock', 'fcntl'])
def test_where_files_cannot_be_locked_it_is_said(
    how, tiny, tmp_path, monkeypatch, caplog):
  """Lustre, some NFS and FUSE mounts; Windows."""
  if how == 'fcntl':
    monkeypatch.setattr(workdir, 'fcntl', None)
  else:
    monkeypatch.setattr(workdir.fcntl, 'flock', refused)
  with caplog.at_level('WARNING', 'jgan'), opened(tmp_path, tiny):
    assert 'cannot be locked' in caplog.text


def refused(*_):
  raise OSError(errno.ENOTSUP, 'Operation not supported')


def test_a_disk_that_is_full_at_the_start_stops_the_run(
    tiny, tmp_path, monkeypatch):
  from jgan.run import loop
  monkeypatch.setattr(workdir, 'write_text', full)
  with pytest.raises(Stopped, match='the disk is full'):
    loop.run(tiny, tmp_path)


@pytest.mark.parametrize('method', ['write', 'image', 'close'])
def test_a_disk_that_is_full_stops_the_run_whatever_is_written(
    method, tiny, tmp_path, monkeypatch):
  from jgan.run import loop
  monkeypatch.setattr(logbook.Logbook, method, full)
  with pytest.raises(Stopped, match='No space left'):
    loop.run(tiny, tmp_path)


def full(*_):
  raise OSError(errno.ENOSPC, 'No space left on device')
