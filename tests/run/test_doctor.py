"""The doctor: small runs that are sick, and what it says of them."""
import logging

import jax
import numpy as np
import pytest

from jgan import config as configs
from jgan import lookup, observers
from jgan.run import doctor, findings, loop
from jgan.run.logbook import read
from jgan.verbs import _compared, _page


def ring(**changes):
  """Points on a ring by tiny networks; a look every 20 steps."""
  c = configs.base()
  c.steps, c.batch, c.devices = 200, 32, 1
  c.data = {'name': 'mixture', 'kind': 'ring', 'count': 400}
  c.generator = {'name': 'mlp', 'latent': 2, 'width': 32}
  c.discriminator = {'name': 'mlp', 'width': 32}
  for player in ('gen', 'disc'):
    c.optimizer[player].update({'lr': 1e-3, 'b1': 0.})
  c.log.every, c.samples.every, c.checkpoint.every = 1, 0, 1000
  c.doctor.every = 20
  c.update_from_flattened_dict(changes)
  return c


def symptoms(folder):
  return [(r['symptom'], r['event']) for r in findings.read(folder)]


@pytest.fixture(scope='module')
def saturated():
  """D learns fast and G hardly, by a loss that saturates."""
  return ring(**{'loss.name': 'minimax', 'optimizer.disc.lr': 1e-2,
                 'optimizer.gen.lr': 1e-6, 'steps': 100,
                 'doctor.knobs': {'gradient_gone': {'fall': .03}}})


def test_a_d_that_learns_too_fast_saturates_and_leaves_g_no_gradient(
    saturated, tmp_path, interrupted, caplog):
  """It is said once, and again at the end; a resumed run says the same."""
  with caplog.at_level(logging.WARNING, 'jgan'):
    state = loop.run(saturated, tmp_path / 'whole')
  assert symptoms(tmp_path / 'whole') == [
      ('discriminator_saturated', 'begins'), ('gradient_gone', 'begins')]
  first = findings.read(tmp_path / 'whole')[0]
  assert first['step'] <= 40
  said = [r.getMessage() for r in caplog.records]
  assert len([x for x in said if 'discriminator saturated' in x]) == 2
  assert "D's loss is" in first['evidence'] and '1.39' in first['evidence']
  assert '--config.optimizer.disc.lr (now 0.01)' in first['advice']
  assert first['evidence'] in said[-2]
  interrupted(saturated, tmp_path / 'stopped', step=40)
  loop.run(saturated, tmp_path / 'stopped')
  for name in ('findings.jsonl', 'metrics.jsonl'):
    assert (tmp_path / 'stopped' / name).read_bytes() == (
        tmp_path / 'whole' / name).read_bytes(), name
  without = saturated.copy_and_resolve_references().unlock()
  without.doctor.every = 0
  alone = loop.run(without, tmp_path / 'alone')
  assert jax.tree.all(jax.tree.map(np.array_equal, state, alone))
  assert read(tmp_path / 'alone') == [
      r for r in read(tmp_path / 'whole') if 'doctor/diversity' not in r]
  assert not (tmp_path / 'alone' / 'findings.jsonl').exists()
  folder = tmp_path / 'whole'
  sections = _page.of_runs([_compared.glimpsed(folder, 'whole')], [folder])
  table, = next(x for x in sections if x.name == 'findings').grids
  assert table.table.rows[1][:3] == [
      'whole', str(first['step']), 'discriminator saturated']


def test_a_g_that_learns_too_fast_collapses(tmp_path):
  loop.run(ring(**{'optimizer.gen.lr': 2e-2}), tmp_path)
  assert ('collapse', 'begins') in symptoms(tmp_path)


def test_unbounded_outputs_leave_the_range_of_bfloat16(tmp_path):
  loop.run(ring(**{'loss.name': 'wasserstein', 'dtype': 'bfloat16',
                   'optimizer.disc.lr': 5e-2, 'steps': 40}), tmp_path)
  assert ('out_of_range', 'begins') in symptoms(tmp_path)


def test_a_run_that_does_well_has_no_findings(tmp_path):
  loop.run(ring(), tmp_path)
  assert symptoms(tmp_path) == []


@pytest.mark.long
def test_twenty_images_without_augmentation_are_learnt_by_heart(tmp_path):
  c = ring(steps=400, batch=16)
  c.data = {'name': 'digits', 'size': 16}
  c.pipeline.first = 20
  c.generator = {'name': 'dcgan', 'latent': 8, 'width': 4}
  c.discriminator = {'name': 'dcgan', 'width': 8, 'norm': 'none'}
  for player in ('gen', 'disc'):
    c.optimizer[player].lr = 2e-3
  c.doctor.every = 50
  c.eval.update({'every': 50, 'probes': ('held_out',)})
  loop.run(c, tmp_path)
  assert ('overfitting', 'begins') in symptoms(tmp_path)


@pytest.mark.parametrize('each, every, steps, due', [
    (1, 20, 60, [20, 40, 60]), (30, 50, 120, [60, 120]),
    (100, 50, 250, [100, 200, 250]), (7, 0, 50, []), (1, 500, 40, [])])
def test_looks_are_at_records(each, every, steps, due):
  c = ring(**{'log.every': each, 'doctor.every': every, 'steps': steps})
  assert [s for s in range(1, steps + 1) if doctor.is_due(c, s)] == due


def test_a_symptom_that_is_left_out_or_changed_is_looked_for_so():
  c = ring(**{'doctor.without': ('collapse',),
              'doctor.knobs': {'gradient_gone': {'fall': .1}}})
  looked_for = observers.symptoms(configs.complete(c))
  assert [*looked_for] == [
      x for x in lookup.names('doctor') if x != 'collapse']
  assert looked_for['gradient_gone'].keywords == {'fall': .1}
  for changes, words in (({'doctor.without': ('colapse',)}, "'collapse'"),
                         ({'doctor.knobs': {'collapse': {'fal': 1.}}},
                          "symptom 'collapse' has no argument 'fal'"),
                         ({'doctor.knobs': {'collapse': 3}},
                          "has 3 for 'collapse': arguments"),
                         ({'doctor.knobs': {'collapse': {'times': 0}}},
                          'knobs.collapse.times is 0, it must be at least 1'),
                         ({'doctor.knobs': {'collapse': {'fall': np.nan}}},
                          'collapse.fall is nan, it must be finite')):
    with pytest.raises(configs.UserError, match=words):
      configs.complete(ring(**changes))


@pytest.mark.parametrize('loss, value', [
    ('hinge', 2.), ('nonsaturating', 2 * np.log(2)), ('wasserstein', 0.),
    ('mmd', None), ('relativistic_average', 2 * np.log(2))])
def test_a_d_that_tells_nothing_apart_has_this_loss(loss, value):
  c = ring()
  c.loss = {'name': loss}
  assert doctor.indifferent(configs.complete(c)) == (
      value if value is None else pytest.approx(value))
