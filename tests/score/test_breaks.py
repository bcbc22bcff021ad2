"""Four numbers of a curve of scores."""
import math

import pytest

from jgan.errors import UserError
from jgan.score import breaks


def test_a_curve_that_collapses_has_breaks():
  # As read off the paper's vanilla DCGAN: 18 is the least, and 36 its double.
  curve = {1: 155., 2: 80., 10: 18., 20: 36., 30: 36.5, 35: 190., 40: 110.}
  assert breaks.summary(curve) == {'best': 18., 'final': 110.,
                                   'worst_late': 190., 'breaks': 3}


def test_steps_may_come_in_any_order_and_the_half_itself_is_early():
  assert breaks.summary({4: 2., 2: 9., 1: 3., 3: 1.}) == {
      'best': 1., 'final': 2., 'worst_late': 2., 'breaks': 1}


def test_only_what_came_before_decides_what_is_a_break():
  assert breaks.summary({1: 8., 2: 4., 3: 2., 4: 1.})['breaks'] == 0
  assert breaks.summary({1: 1., 2: 2., 3: 4., 4: 8.})['breaks'] == 2


def test_a_lone_score_is_all_of_them():
  assert breaks.summary({5: 3.}) == {'best': 3., 'final': 3., 'worst_late': 3.,
                                     'breaks': 0}


def test_scores_below_zero_are_no_breaks():
  # An unbiased estimate of a distance may fall there.
  assert breaks.summary({1: -.1, 2: -.05, 3: .2})['breaks'] == 1


def test_what_is_not_a_number_is_a_break_and_never_the_least():
  found = breaks.summary({1: 2., 2: math.nan, 3: math.inf, 4: 3.})
  assert found['best'] == 2. and found['breaks'] == 2
  assert found['worst_late'] == math.inf


def test_where_more_is_better_a_fall_to_less_than_half_is_a_break():
  curve = {1: 2., 2: 8., 3: 4., 4: 3.9, 5: 9., 6: 6.}
  assert breaks.summary(curve, 'higher') == {
      'best': 9., 'final': 6., 'worst_late': 3.9, 'breaks': 1}


def test_no_scores_are_refused():
  with pytest.raises(UserError, match='no scores'):
    breaks.summary({})
