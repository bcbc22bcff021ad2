"""Two ways to train, compared over the same seeds.

Run i of both has the same seed: the same images in the same order, and where
the networks are equal the same initial weights. What is tested is the mean of
their differences. With five seeds no exact test can give a p below 1/16, so the
t test stands beside it, which assumes normal differences.
"""
import itertools
from typing import NamedTuple

import numpy as np
from scipy import optimize, stats

from jgan.errors import UserError

LEVEL = .95  # of intervals; tests are two-sided at 1 - LEVEL
POWER = .8   # of the smallest difference that is given
EXACT = 16   # seeds up to which all signs are tried
_RESAMPLES = 9999


class Mean(NamedTuple):
  """The mean of numbers, of one arm over its seeds.

  Attributes:
    count: how many numbers.
    mean: of them.
    std: standard deviation (ddof 1); 0 of a single one.
    low, high: of the bootstrap interval of the mean (BCa); equal to it where
      the numbers are equal.
  """
  count: int
  mean: float
  std: float
  low: float
  high: float


class Comparison(NamedTuple):
  """A method against its baseline, over the seeds of both.

  Attributes:
    count: number of seeds.
    difference: Mean of method - baseline.
    low, high: of the t interval of the mean difference.
    effect: the mean difference by the standard deviation of the differences
      (Cohen's d_z); infinite where that is 0 and the mean is not.
    p_signs: of the exact sign-flip test of the mean (Fisher, 1935).
    least_p: the least value that p_signs can have with so many seeds.
    p_t: of the paired t test.
    power: probability that the t test finds a true difference of this size,
      with as many seeds.
    detectable: the true difference that it would find with probability POWER.
  """
  count: int
  difference: Mean
  low: float
  high: float
  effect: float
  p_signs: float
  least_p: float
  p_t: float
  power: float
  detectable: float


def mean(values):
  """The Mean of finite numbers.

  Raises:
    UserError: no numbers, or one that is not finite.
  """
  x = np.asarray(values, np.float64)
  if not x.size or not np.isfinite(x).all():
    raise UserError(f'a mean of {list(values)}: one finite number or more '
                    'would be right')
  average = float(x.mean())
  if len(x) == 1 or not np.ptp(x):
    return Mean(len(x), average, 0., average, average)
  interval = stats.bootstrap(
      (x,), np.mean, confidence_level=LEVEL, n_resamples=_RESAMPLES,
      method='BCa', rng=np.random.default_rng(0)).confidence_interval
  return Mean(len(x), average, float(x.std(ddof=1)), float(interval.low),
              float(interval.high))


def compared(baseline, method):
  """The Comparison of two lists of numbers, of the same seeds in order.

  Raises:
    UserError: fewer than two seeds, lists of different lengths, or a number
      that is not finite.
  """
  if len(baseline) != len(method) or len(method) < 2:
    raise UserError(f'{len(baseline)} runs of the baseline and {len(method)} '
                    'of the method: two seeds or more, the same of both, would '
                    'be right')
  differences = np.subtract(method, baseline, dtype=np.float64)
  moments, n = mean(differences), len(differences)
  deviation = moments.std
  if deviation:
    effect = moments.mean / deviation
    half = stats.t.ppf(.5 + LEVEL / 2., n - 1) * deviation / np.sqrt(n)
    p_t = float(2. * stats.t.sf(abs(effect) * np.sqrt(n), n - 1))
  else:
    effect = float(np.sign(moments.mean)) * np.inf if moments.mean else 0.
    half, p_t = 0., 0. if moments.mean else 1.
  return Comparison(
      count=n, difference=moments, low=moments.mean - half,
      high=moments.mean + half, effect=float(effect),
      p_signs=sign_flips(differences), least_p=2.**(1 - n), p_t=p_t,
      power=power(effect, n), detectable=detectable(n) * deviation)


def sign_flips(differences):
  """p of the test that differences are as often positive as negative.

  Two-sided, of the mean: the fraction of all choices of signs whose mean is as
  far from 0. Of more than EXACT numbers, that of 2^EXACT random choices and of
  the observed one.
  """
  x = np.asarray(differences, np.float64)
  if len(x) <= EXACT:
    signs = np.array([*itertools.product((1, -1), repeat=len(x))])
  else:
    rng = np.random.default_rng(0)
    signs = rng.choice((1, -1), (2**EXACT, len(x)))
    signs = np.concatenate([np.ones((1, len(x))), signs])
  sums = np.abs(signs @ x)
  # Equal sums in another order of summation are not less.
  return float(np.mean(sums >= abs(x.sum()) - 1e-12 * np.abs(x).sum()))


def power(effect, count):
  """Probability that a two-sided paired t test finds an effect d_z.

  By the noncentral F distribution of t^2, with noncentrality n d_z^2, which is
  computed without overflow where that of t is not.
  """
  if not np.isfinite(effect):
    return 1.
  if not effect:
    return 1. - LEVEL
  bound = stats.f.isf(1. - LEVEL, 1, count - 1)
  return float(stats.ncf.sf(bound, 1, count - 1, count * effect**2))


def detectable(count):
  """The effect d_z that `count` seeds find with probability POWER."""
  return float(optimize.brentq(
      lambda effect: power(effect, count) - POWER, 1e-3, 100.))
