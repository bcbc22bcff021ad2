"""Statistics of paired runs against published numbers and other programs."""
import numpy as np
import pytest
from scipy import stats

from jgan.errors import UserError
from jgan.score import paired


def test_the_paired_t_test_is_that_of_scipy():
  rng = np.random.default_rng(0)
  one, other = rng.normal(size=(2, 7))
  ours, theirs = paired.compared(one, other), stats.ttest_rel(other, one)
  assert ours.p_t == pytest.approx(theirs.pvalue)
  assert (ours.low, ours.high) == pytest.approx(
      [*theirs.confidence_interval(.95)])


def test_student_1908_s_sleep_data_give_their_known_values():
  """Differences of two drugs: t = 4.0621 on 9 degrees, p = .002833."""
  extra = [.7, -1.6, -.2, -1.2, -.1, 3.4, 3.7, .8, 0., 2.]
  other = [1.9, .8, 1.1, .1, -.1, 4.4, 5.5, 1.6, 4.6, 3.4]
  ours = paired.compared(extra, other)
  assert ours.p_t == pytest.approx(.002833, abs=1e-6)
  assert ours.difference.mean == pytest.approx(1.58)
  assert (ours.low, ours.high) == pytest.approx((.7001142, 2.4598858))


def test_darwin_s_maize_gives_fisher_s_exact_p():
  """The Design of Experiments, section 21: 863 of 32,768 on either side."""
  differences = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
  assert paired.sign_flips(differences) == 2 * 863 / 2**15


def test_signs_of_many_seeds_are_drawn():
  rng = np.random.default_rng(0)
  x = rng.normal(.4, 1., 40)
  assert paired.sign_flips(x) == pytest.approx(
      stats.ttest_1samp(x, 0.).pvalue, abs=.02)
  assert paired.sign_flips(np.ones(40)) == pytest.approx(2**-paired.EXACT,
                                                         rel=.01)


def test_few_seeds_are_tested_by_all_signs():
  ours = paired.sign_flips([1., 2., -.5, 3.])
  theirs = stats.permutation_test(
      ([1., 2., -.5, 3.],), np.mean, permutation_type='samples',
      n_resamples=np.inf).pvalue
  assert ours == pytest.approx(theirs)
  assert paired.sign_flips([1, 2, 3, 4, 5]) == 1 / 16


def test_the_least_p_of_five_seeds_is_a_sixteenth():
  assert paired.compared([0] * 5, [1, 2, 3, 4, 5]).least_p == 1 / 16


@pytest.mark.parametrize('effect, count, known', [
    (.5, 34, .8078), (.8, 15, .8213), (1., 5, .4014)])
def test_power_is_that_of_g_power(effect, count, known):
  """Faul et al. (2007): 34 pairs for d_z = .5, 15 for .8."""
  assert paired.power(effect, count) == pytest.approx(known, abs=2e-4)


def test_power_agrees_with_scipy_s_simulation():
  rng = np.random.default_rng(0)
  simulated = stats.power(
      lambda x, axis: stats.ttest_1samp(x, 0., axis=axis),
      lambda size: rng.normal(1.2, 1., size), 6, significance=.05,
      n_resamples=4000).power
  assert paired.power(1.2, 6) == pytest.approx(float(simulated), abs=.02)


def test_power_without_an_effect_is_the_level():
  assert paired.power(0., 5) == pytest.approx(.05)
  assert paired.power(1e-6, 5) == pytest.approx(.05)
  assert paired.power(np.inf, 5) == 1.


@pytest.mark.parametrize('count', [2, 5, 100])
def test_a_detectable_effect_has_its_power(count):
  assert paired.power(paired.detectable(count), count) == pytest.approx(.8)


def test_the_interval_of_a_mean_is_scipy_s_bootstrap():
  x = [3., 1., 4., 1., 5.]
  ours = paired.mean(x)
  assert (ours.mean, ours.std) == pytest.approx((2.8, np.std(x, ddof=1)))
  assert 1. <= ours.low < 2.8 < ours.high <= 5.
  assert ours == paired.mean(x)  # the same each time


def test_equal_numbers_have_an_interval_of_no_width():
  assert paired.mean([2., 2., 2.])[2:] == (0., 2., 2.)
  same = paired.compared([1., 2.], [1., 2.])
  assert (same.effect, same.p_t, same.power) == (0., 1., pytest.approx(.05))
  shifted = paired.compared([1., 2.], [2., 3.])
  assert (shifted.effect, shifted.p_t, shifted.power) == (np.inf, 0., 1.)


@pytest.mark.parametrize('one, other', [
    ([1.], [2.]), ([1., 2.], [1., 2., 3.]), ([1., np.nan], [1., 2.])])
def test_what_cannot_be_compared_is_refused(one, other):
  with pytest.raises(UserError, match='would be right'):
    paired.compared(one, other)
