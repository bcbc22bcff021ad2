"""Rules and tables that choose layers and ranks."""
import jax
import numpy as np
import pytest

from jgan.compress import ranks
from jgan.compress.sensitivity import Row
from jgan.errors import UserError

RNG = np.random.default_rng(0)


def layer(*shape):
  return {'kernel': RNG.normal(size=shape), 'bias': np.zeros(shape[-1])}


PARAMS = {'linear_1': layer(4, 12), 'linear_2': layer(8, 30),
          'cell_1': {'c0': {'conv_3x3': layer(3, 3, 8, 8)},
                     'up0': {'nearest': layer(1, 1, 8, 8)}},
          'norm': {'scale': np.ones(8), 'bias': np.zeros(8)}}


def test_a_listing_has_every_kernel_and_nothing_else():
  assert ranks.listing(PARAMS) == {
      'linear_1': (4, 12), 'linear_2': (8, 30),
      'cell_1/c0/conv_3x3': (3, 3, 8, 8), 'cell_1/up0/nearest': (1, 1, 8, 8)}


def test_the_first_rule_that_matches_a_layer_holds():
  layers = ranks.resolve(PARAMS, [
      {'match': 'linear_2', 'form': 'svd', 'rank': 1},
      {'match': r'/c\d/', 'form': 'cp', 'rank': 5, 'way': 'depthwise'},
      {'match': '^linear', 'form': 'svd', 'rank': 2}])
  assert layers == {
      'linear_1': {'form': 'svd', 'rank': 2},
      'linear_2': {'form': 'svd', 'rank': 1},
      'cell_1/c0/conv_3x3': {'form': 'cp', 'rank': 5, 'way': 'depthwise'}}


@pytest.mark.parametrize('ratio', [1.5, 2., 4.])
def test_a_ratio_gives_the_largest_rank_that_reaches_it(ratio):
  layers = ranks.resolve(PARAMS, [{'match': 'conv_3x3', 'form': 'cp',
                                   'ratio': ratio}])
  rank = layers['cell_1/c0/conv_3x3']['rank']
  after = lambda rank: rank * (8 + 8 + 3 + 3) + 8
  assert (9 * 64 + 8) / after(rank) >= ratio > (9 * 64 + 8) / after(rank + 1)


def test_a_ratio_of_tucker_keeps_the_proportion_of_the_channels():
  layers = ranks.resolve({'conv': layer(3, 3, 16, 8)}, [
      {'match': 'conv', 'form': 'tucker', 'ratio': 3}])
  first, last = layers['conv']['rank']
  after = 16 * first + 9 * first * last + 8 * last + 8
  assert abs(first - 2 * last) <= 1 and (9 * 128 + 8) / after >= 3


def test_energy_gives_the_rank_of_the_truncated_svd():
  kernel = PARAMS['linear_2']['kernel']
  rank = ranks.resolve(PARAMS, [{'match': 'linear_2', 'form': 'svd',
                                 'energy': .8}])['linear_2']['rank']
  kept = np.cumsum(np.linalg.svd(kernel, compute_uv=False)**2)
  assert kept[rank - 1] >= .8 * kept[-1] > kept[rank - 2]


@pytest.mark.parametrize('rule, says', [
    ({'match': 'conv_5x5', 'form': 'cp', 'rank': 2}, 'matches no layer'),
    ({'match': 'linaer_1', 'form': 'svd', 'rank': 2},
     "did you mean 'linear_1'"),
    ({'match': 'conv', 'form': 'cp'}, 'one of rank, ratio, energy'),
    ({'match': 'conv', 'form': 'cp', 'rank': 2, 'ratio': 3}, 'one of rank'),
    ({'match': 'conv', 'form': 'cp', 'rnk': 2}, "unknown key 'rnk'"),
    ({'match': '(', 'form': 'cp', 'rank': 2}, 'no regular expression'),
    ({'match': 'linear', 'form': 'cp', 'rank': 2},
     "layer 'linear_1'.*takes no form 'cp', only svd"),
    ({'match': 'conv', 'form': 'cp', 'ratio': 1000}, 'at most 19.47 times'),
    ({'match': 'conv', 'form': 'cp', 'ratio': '2'}, 'a number is needed'),
    ({'match': 'conv', 'form': 'cp', 'energy': 90}, r'in \(0, 1\]'),
])
def test_a_rule_that_cannot_hold_is_refused(rule, says):
  with pytest.raises(UserError, match=says):
    ranks.resolve(PARAMS, [rule])


def shapes(**layers):
  return {name: {'kernel': jax.ShapeDtypeStruct(shape, 'float32'),
                 'bias': jax.ShapeDtypeStruct(shape[-1:], 'float32')}
          for name, shape in layers.items()}


def test_a_rule_enlarges_no_layer_and_says_which_it_leaves(monkeypatch):
  """A 1 x 1 convolution of 256 channels: 65,792 parameters, not 131,840."""
  said = []
  monkeypatch.setattr(ranks.log, 'warning',
                      lambda text, *values: said.append(text % values))
  found = ranks.resolve(
      shapes(up=(1, 1, 256, 256), conv=(3, 3, 256, 256), tall=(4, 256)),
      [{'match': 'up|conv', 'form': 'cp', 'rank': 256},
       {'match': '.', 'form': 'svd', 'rank': 200}])
  assert found == {'conv': {'form': 'cp', 'rank': 256}}
  assert [line.split()[0] for line in said] == ['up', 'tall']
  assert '65,792 parameters into 131,840' in said[0]
  with pytest.raises(UserError, match='none of up smaller'):
    ranks.resolve(shapes(up=(1, 1, 256, 256)),
                  [{'match': 'up', 'form': 'cp', 'rank': 256}])


@pytest.mark.parametrize('rule, says', [
    ({'form': 'tucker', 'rank': 2}, "rule 0: rank 2 of form 'tucker'"),
    ({'form': 'tucker', 'rank': (9, 1)}, 'it must be from 1 to 8'),
    ({'form': 'cp', 'rank': 0}, 'a number of at least 1'),
    ({'form': 'cp', 'rank': 1, 'match': 5}, "'?5'?, the pattern of rule 0"),
    ('conv', "rule 0 is 'conv'"),
    ({'form': 'cp', 'rank': 2, 'way': 'fast'}, "has no way 'fast'"),
    ({'form': 'cp', 'energy': 2.}, r'in \(0, 1\]')])
def test_shapes_are_enough_to_refuse_a_rule(rule, says):
  with pytest.raises(UserError, match=says):
    ranks.resolve(shapes(conv=(3, 3, 8, 8)), [
        rule if rule == 'conv' else {'match': 'conv', **rule}])


def test_of_shapes_alone_the_rank_of_an_energy_is_unknown():
  assert ranks.resolve(shapes(conv=(3, 3, 8, 8)), [
      {'match': 'conv', 'form': 'cp', 'energy': .9}]) == {
          'conv': {'form': 'cp', 'rank': None}}


def row(layer, rank, removed, score):
  return Row(layer, 'cp', rank, 100, removed, .1, score)


ROWS = [row('a', 8, 40, 10.1), row('a', 4, 70, 10.5), row('a', 2, 85, 14.),
        row('b', 8, 40, 9.9), row('b', 4, 70, 13.), row('c', 8, 10, 30.)]


def test_the_penalty_trades_score_for_size():
  # By hand: a at P = 1 costs 16.16, 13.65 and 16.1, untouched 20.
  assert ranks.by_penalty(10., ROWS, penalty=1.) == {
      'a': {'form': 'cp', 'rank': 4}, 'b': {'form': 'cp', 'rank': 8}}
  # Without one, only a layer whose compression helps is compressed.
  assert ranks.by_penalty(10., ROWS, penalty=0.) == {
      'b': {'form': 'cp', 'rank': 8}}


def test_where_more_is_better_the_choice_is_that_of_the_mirrored_scores():
  mirrored = [r._replace(score=20. - r.score) for r in ROWS]
  for budget in (0., .2, 1., 50.):
    layers, harm = ranks.by_budget(10., mirrored, budget=budget,
                                   better='higher')
    want, rise = ranks.by_budget(10., ROWS, budget=budget)
    assert layers == want
    np.testing.assert_allclose(harm, rise)
  inverse = [r._replace(score=100. / r.score) for r in ROWS]
  for penalty in (0., 1.):
    assert ranks.by_penalty(
        10., inverse, penalty=penalty, better='higher') == ranks.by_penalty(
            10., ROWS, penalty=penalty)


def test_the_budget_is_spent_where_it_removes_most():
  layers, rise = ranks.by_budget(10., ROWS, budget=.2)
  assert layers == {'b': {'form': 'cp', 'rank': 8},
                    'a': {'form': 'cp', 'rank': 8}}
  np.testing.assert_allclose(rise, .1)
  layers, rise = ranks.by_budget(10., ROWS, budget=0.)
  assert layers == {'b': {'form': 'cp', 'rank': 8}} and rise == 0


def test_a_trial_without_a_score_changes_no_choice():
  broken = [r._replace(layer='c', score=float('nan')) for r in ROWS]
  for rows in [*broken, *ROWS], [*ROWS, *broken]:
    assert ranks.by_budget(10., rows, budget=.2) == ranks.by_budget(
        10., ROWS, budget=.2)
    assert ranks.by_penalty(10., rows, penalty=1.) == ranks.by_penalty(
        10., ROWS, penalty=1.)


def test_the_predicted_rise_never_exceeds_the_budget():
  for budget in (.3, 1., 5., 50.):
    layers, rise = ranks.by_budget(10., ROWS, budget=budget)
    scores = {(r.layer, r.rank): r.score for r in ROWS}
    total = sum(max(scores[name, options['rank']] - 10., 0)
                for name, options in layers.items())
    assert total <= budget
    np.testing.assert_allclose(rise, total)
