"""Labels of scores, and which of two is the better one."""
import math
from types import SimpleNamespace

import ml_collections
import pytest

from jgan import lookup
from jgan.errors import UserError
from jgan.run.session import Session
from jgan.score import labels, networks

NET = SimpleNamespace(name='resnet56', distance='FD-resnet56')
PUBLISHED = SimpleNamespace(name='inception', distance='FID')


@pytest.mark.parametrize('metric', lookup.names('metrics'))
def test_a_label_of_any_metric_leads_back_to_its_direction(metric):
  module = lookup.find('metrics', metric)
  for net in (NET, PUBLISHED):
    for suffix, label in labels.of_metric(metric, net).items():
      assert labels.better(label) == module.BETTER[suffix]


@pytest.mark.parametrize('direction, names', [
    ('lower', ('FID', 'FD-classifier-0a1b2c3d', 'FID-infinity', 'sFID', 'kid',
               'kid-resnet56', 'fd_pixels', 'spectrum', 'modes-kl',
               'duality_gap', 'duality_gap-minmax')),
    ('higher', ('IS', 'inception_score-inception', 'modes-covered',
                'precision_recall-precision-inception',
                'precision_recall-recall-resnet56',
                'precision_recall-f_score-inception',
                'density_coverage-density-inception',
                'density_coverage-coverage-inception', 'modes-high_quality',
                'memorisation-authentic-inception', 'duality_gap-maxmin')),
    ('neither', ('kid-std-resnet56', 'inception_score-std-inception',
                 'spectrum_bands-high', 'stability'))])
def test_which_values_are_better_is_known_of_every_label(direction, names):
  assert {labels.better(name) for name in names} == {direction}


def test_a_label_of_no_metric_is_refused_with_the_nearest():
  with pytest.raises(UserError, match="'fd_pixel': did you mean 'fd_pixels'"):
    labels.better('fd_pixel')


def test_costs_fall_as_scores_become_better():
  assert labels.cost(2., 'lower') < labels.cost(3., 'lower')
  assert labels.cost(3., 'higher') < labels.cost(2., 'higher')


@pytest.mark.parametrize('direction', ['lower', 'higher'])
def test_a_score_that_is_no_number_is_the_worst(direction):
  costs = [labels.cost(x, direction) for x in (math.nan, 3., -2., math.nan)]
  assert min(costs) in costs[1:3]


def followed(best, **directions):
  config = ml_collections.ConfigDict({'checkpoint': {'best': best},
                                      'feedback': ()})
  return networks.followed(config, SimpleNamespace(better=directions), True)


def test_the_score_of_the_best_checkpoint_is_known_before_there_is_one():
  assert followed('eval/FID', FID='lower') == {'eval/FID': 'lower'}
  assert followed('eval/duality_gap') == {'eval/duality_gap': 'lower'}
  assert followed('') == {}
  with pytest.raises(UserError, match="config.checkpoint.best is 'eval/FIB', "
                     "and the scores are eval/FID.*did you mean 'eval/FID'"):
    followed('eval/FIB', FID='lower')
  with pytest.raises(UserError, match="'eval/stability', a score of which neith"
                     "er the lower nor the higher is better: known: eval/FID"):
    followed('eval/stability', FID='lower', stability='neither')
  with pytest.raises(UserError, match='the higher is better$'):
    labels.chosen('kid-std', {'kid-std': 'neither'}, '--label')


@pytest.mark.parametrize('direction, scores, best', [
    ('lower', [5., 3., math.nan, 4., 3., 2.], [1, 2, 2, 2, 2, 6]),
    ('higher', [5., 3., math.nan, 7., 7., 6.], [1, 1, 1, 4, 4, 4]),
    ('higher', [math.nan, 3.], [None, 2])])
def test_the_best_checkpoint_is_the_best_by_the_metrics_direction(
    direction, scores, best):
  session = SimpleNamespace(
      config=SimpleNamespace(checkpoint=SimpleNamespace(best='eval/x')),
      better={'eval/x': direction}, best=None,
      saved=SimpleNamespace(keep_best=lambda step: None))
  for step, (score, want) in enumerate(zip(scores, best), 1):
    is_best = Session.is_best(session, step, {'eval/x': score}, 'id')
    assert is_best == (want == step)
    assert (session.best and session.best['step']) == want
