"""A sick run goes back to a healthy checkpoint, and changes something."""
import json
import logging

import jax
import numpy as np
import pytest

from jgan import config as configs
from jgan.errors import NonFinite, Stopped, UserError
from jgan.run import logbook, loop, rollback
from tests.run.test_doctor import ring

FILES = 'metrics.jsonl', 'rollbacks.jsonl', 'findings.jsonl'


def saturated(**changes):
  """D saturates at its rate, and not at a tenth of it with a G that learns."""
  c = ring(**{'optimizer.disc.lr': 1e-2, 'optimizer.gen.lr': 1e-6,
              'steps': 60, 'doctor.every': 10, 'checkpoint.every': 10,
              'checkpoint.keep': 10})
  c.rollback = {'on': ('discriminator_saturated',), 'times': 1, 'changes': (
      {'key': 'optimizer.disc.lr', 'factor': .1},
      {'key': 'optimizer.gen.lr', 'value': 1e-3})}
  c.update_from_flattened_dict(changes)
  return c


def diverging(**changes):
  """D's rate is beyond all reason, and then a usual one."""
  c = ring(**{'optimizer.disc.lr': 1e6, 'steps': 12, 'doctor.every': 0,
              'checkpoint.every': 4})
  c.rollback = {'on': ('non_finite',), 'times': 2, 'changes': (
      {'key': 'optimizer.disc.lr', 'factor': 1e-9},)}
  c.update_from_flattened_dict(changes)
  return c


def same_files(one, other, names=FILES):
  for name in names:
    there = [(folder / name).exists() for folder in (one, other)]
    assert there[0] == there[1], name
    if there[0]:
      assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_a_run_that_is_not_finite_begins_again_at_a_lower_rate(
    tmp_path, caplog):
  with caplog.at_level(logging.WARNING, 'jgan'):
    state = loop.run(diverging(), tmp_path)
  assert int(state.step) == 12
  record, = rollback.read(tmp_path)
  assert record['symptom'] == 'non_finite' and record['to'] == 0
  assert 'is not finite' in record['evidence']
  run = json.loads((tmp_path / 'run.json').read_text())
  assert run['rollbacks'] == [record]
  assert 'optimizer.disc.lr times 1e-09; rollback 1 of 2' in caplog.text
  recorded = json.loads((tmp_path / 'config.json').read_text())
  assert recorded['optimizer']['disc']['lr'] == 1e6  # what was asked for


def test_at_the_limit_it_stops_and_says_what_was_tried(tmp_path):
  c = diverging(**{'rollback.times': 1, 'rollback.changes': (
      {'key': 'optimizer.disc.lr', 'factor': .5},)})
  with pytest.raises(Stopped, match=r'after 1 rollback\(s\), and config.roll'
                     r'back.times=1. It did not help .*lr 500000'):
    loop.run(c, tmp_path)
  with pytest.raises(Stopped, match='after 1 rollback'):  # nor the next time
    loop.run(c, tmp_path)
  assert len(rollback.read(tmp_path)) == 1


def exploding(**changes):
  """G's parameters are beyond all reason after the first step, its loss not."""
  c = diverging(**{'optimizer.disc.lr': 1e-3, 'optimizer.gen.lr': 1e38,
                   'steps': 4, 'checkpoint.every': 1, 'rollback.changes': (
                       {'key': 'optimizer.gen.lr', 'value': 1e-3},)})
  c.update_from_flattened_dict(changes)
  return c


def test_steps_that_are_sure_to_go_wrong_again_are_not_repeated(tmp_path):
  with pytest.raises(Stopped, match='gone to step 1 before, .*gen.lr 0.001: the'
                     ' same steps would go wrong again'):
    loop.run(exploding(), tmp_path)
  assert [r['to'] for r in rollback.read(tmp_path)] == [1]


@pytest.mark.filterwarnings('ignore:overflow encountered in cast')
def test_a_state_that_is_not_finite_is_a_reason_to_go_back(tmp_path):
  """And images of it have no diversity that would be recorded."""
  c = exploding(**{'optimizer.gen.lr': 1e39, 'doctor.every': 1})
  state = loop.run(c, tmp_path)
  assert int(state.step) == 4
  record, = rollback.read(tmp_path)
  assert record['step'] == 1 and 'is not finite' in record['evidence']


def test_looks_without_a_measure_are_looks_too(tmp_path):
  """One image has no diversity: nothing is recorded, and all else is so."""
  c = saturated(**{'samples.count': 1})
  loop.run(c, tmp_path / 'one')
  record, = rollback.read(tmp_path / 'one')
  assert 0 < record['to'] < record['step'] - 10
  assert all(len(r) > 1 for r in logbook.read(tmp_path / 'one'))


def test_without_being_asked_a_run_only_stops(tmp_path):
  with pytest.raises(NonFinite):
    loop.run(diverging(**{'rollback.on': ('collapse',), 'doctor.every': 10}),
             tmp_path)
  assert not rollback.read(tmp_path)


def test_a_run_goes_back_to_before_the_symptom_whenever_it_is_killed(
    tmp_path, interrupted, monkeypatch):
  whole = tmp_path / 'whole'
  state = loop.run(saturated(), whole)
  record, = rollback.read(whole)
  assert record['symptom'] == 'discriminator_saturated'
  assert 0 < record['to'] < record['step'] - 10  # the look before was late too
  interrupted(saturated(), tmp_path / 'after', step=50)
  ends = [loop.run(saturated(), tmp_path / 'after')]
  same_files(whole, tmp_path / 'after')
  with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
    patch.setattr(rollback, 'append', dying)
    loop.run(saturated(), tmp_path / 'within')
  assert not rollback.read(tmp_path / 'within')
  ends.append(loop.run(saturated(), tmp_path / 'within'))
  same_files(whole, tmp_path / 'within')
  for end in ends:
    assert jax.tree.all(jax.tree.map(np.array_equal, state, end))


def test_a_run_does_not_go_on_without_a_change_that_it_cannot_read(tmp_path):
  loop.run(saturated(), tmp_path)
  file = tmp_path / 'rollbacks.jsonl'
  good = file.read_bytes()
  file.write_bytes(good.replace(b'{', b'[', 1))
  with pytest.raises(UserError, match="0 of its 1 lines .* under 'rollbacks'"):
    loop.run(saturated(), tmp_path)
  kept = json.loads((tmp_path / 'run.json').read_bytes())['rollbacks']
  assert [json.loads(line) for line in good.splitlines()] == kept


def dying(*_):
  raise KeyboardInterrupt


LR = {'key': 'optimizer.disc.lr', 'factor': .1}


@pytest.mark.parametrize('changes, words', [
    ({'rollback.on': ('colapse',)}, "did you mean 'collapse'"),
    ({'rollback.on': ('collapse',), 'doctor.every': 0}, 'does not look for it'),
    ({'rollback.on': ('collapse',), 'doctor.without': ('collapse',)},
     'does not look for it'),
    ({'rollback.on': ('collapse',), 'samples.count': 1},
     'samples.count=1: one image has no other one'),
    ({'rollback.times': 0}, 'times=0; at least 1'),
    ({'rollback.changes': ()}, 'the same steps would go wrong again'),
    ({'rollback.changes': ({'key': 'optimizer.disk.lr', 'factor': .1},)},
     "did you mean 'optimizer.disc'"),
    ({'rollback.changes': ({'key': 'batch', 'factor': .5},)},
     "multiplies config.batch, which is 32: 'value'"),
    ({'rollback.changes': ({**LR, 'factor': 1},)}, 'a number above 0 but 1'),
    ({'rollback.changes': ({**LR, 'factor': -1.},)}, 'a number above 0 but 1'),
    ({'rollback.changes': ({**LR, 'value': .1},)}, 'would be right'),
    ({'rollback.changes': ({'key': 'batch', 'value': 32},)}, 'is already'),
    ({'rollback.changes': ({'key': LR['key'], 'value': 'low'},)},
     "is 'low', of type str; type float is needed"),
    ({'rollback.changes': ({'key': 'optimizer.gen', 'value': .1},)},
     'which is a section: one of its keys would be right, .*lr'),
    ({'rollback.changes': ({'key': 5, 'factor': .1},)}, "'factor': .1}, or"),
    ({'rollback.changes': ('optimizer.gen.lr',)}, "'factor': .1}, or"),
    ({'rollback.changes': (('key', 'factor'),)}, "'factor': .1}, or"),
    ({'rollback.on': (5,)}, "config.rollback.on has '5'"),
    ({'rollback.changes': ({'key': 'batch', 'value': 0},)}, 'at least 1'),
    ({'rollback.changes': ({'key': 'generator.width', 'value': 64},)},
     'the state of a checkpoint would not fit'),
])
def test_what_would_not_help_is_refused_before_training(changes, words,
                                                        tmp_path):
  c = saturated(**{'rollback.changes': (LR,)})
  c.update_from_flattened_dict(changes)
  with pytest.raises(UserError, match=words):
    loop.run(c, tmp_path)
  assert not [*tmp_path.iterdir()]


def test_a_recorded_config_has_its_rollback():
  c = configs.complete(saturated())
  again = configs.from_record(configs.plain(c))
  assert configs.plain(again) == configs.plain(c)
