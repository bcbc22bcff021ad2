"""Who survives, on numbers that can be checked by hand."""
import numpy as np
import pytest

from jgan.methods import _selection


def test_a_front_is_what_nobody_left_dominates():
  """(1, 4), (2, 2) and (4, 1) first; (2, 2) dominates (2, 3), which dominates
  (5, 5); equal points do not dominate one another.
  """
  costs = np.array([[1, 4], [2, 2], [4, 1], [2, 3], [5, 5], [2, 2]])
  np.testing.assert_array_equal(_selection.fronts(costs), [0, 0, 0, 1, 2, 0])


def test_fronts_of_many_points_have_their_definition():
  costs = np.random.default_rng(0).integers(0, 6, (40, 2))
  front = _selection.fronts(costs)
  beats = lambda a, b: (costs[a] <= costs[b]).all() and (
      costs[a] < costs[b]).any()
  for i in range(40):
    above = [front[j] for j in range(40) if beats(j, i)]
    assert front[i] == max(above, default=-1) + 1


def test_survivors_by_fronts_are_good_and_spread_in_the_second_cost():
  """Of (score, size): with small sizes 0, 1 and 5 are first, with large ones 0,
  2 and 3; 4, whose score is better than that of 5, is in neither front.
  """
  costs = np.array([[1., 5], [2, 4], [3, 6], [4, 9], [5, 6], [6, 1]])
  np.testing.assert_array_equal(
      _selection.survivors(costs, 5, 'fronts'), [0, 1, 2, 3, 5])
  np.testing.assert_array_equal(
      _selection.survivors(costs, 2, 'fronts'), [0, 1])


def test_the_distance_of_tchebycheff_is_the_largest_part_of_the_range():
  """Costs 10..20 and 0..4: (15, 1) is at (.5, .25)."""
  costs = np.array([[10., 4], [20, 0], [15, 1], [12, 2]])
  np.testing.assert_allclose(
      _selection.tchebycheff(_selection.normalised(costs)), [1., 1., .5, .5])
  np.testing.assert_array_equal(
      _selection.survivors(costs, 2, 'clusters'), [3, 2])


def test_the_last_quarter_is_the_first_of_each_cluster():
  """Eight survive: six by distance, and two of the next four, which lie in two
  directions: 6 and 7 in one, 8 and 9 in the other.
  """
  points = np.array([[0., 0], [.1, .1], [.2, .1], [.1, .2], [.3, .1], [.3, .3],
                     [.5, .1], [.6, .12], [.1, .7], [.12, .8], [1., 1.]])
  np.testing.assert_array_equal(
      sorted(_selection.by_clusters(points, 8)), [0, 1, 2, 3, 4, 5, 6, 8])


def test_where_there_are_fewer_clusters_the_next_ones_survive():
  """All lie in one direction."""
  points = np.linspace(0., 1., 11)[:, None] * [[1., 1.]]
  np.testing.assert_array_equal(_selection.by_clusters(points, 8), range(8))


@pytest.mark.parametrize('rule', _selection.RULES)
def test_a_score_that_is_no_number_survives_last(rule):
  costs = np.array([[np.nan, 0.], [2., 1.], [np.inf, 0.], [1., 2.]])
  assert [*_selection.survivors(costs, 3, rule)] == [3, 1, 0]
