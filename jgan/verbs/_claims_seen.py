"""What the runs of a claim show, by rules that are the same for all claims.

A difference is decided by its t interval over the seeds: wholly on the claimed
side of 0 the claim holds here, wholly on the other side the opposite does. An
interval that is within a tenth of the baseline's mean shows that there is no
difference of that size. Else nothing is decided. Where it is claimed that
nothing is lost, it holds if no loss of a tenth is in the interval, and the
opposite if all of it is. Where the baseline does not fail in the way that the
method mends, the setting is no test.
"""
import math
from typing import Any, NamedTuple

import numpy as np

from jgan.errors import UserError
from jgan.score import breaks, paired

MARGIN = .1  # of the baseline's mean: a smaller difference counts as none
HOLDS, OPPOSITE, NONE, OPEN, UNTESTED = (
    'holds', 'opposite', 'no difference', 'not resolved', 'no test')


class Outcome(NamedTuple):
  """A comparison of two arms by one measure.

  Attributes:
    pair, measure: of _claims.
    baseline, method: Means, as in score/paired.py.
    comparison: Comparison.
    verdict: HOLDS, OPPOSITE, NONE or OPEN; UNTESTED for a score where the
      baseline does not fail.
  """
  pair: Any
  measure: Any
  baseline: Any
  method: Any
  comparison: Any
  verdict: str


class Failing(NamedTuple):
  """Whether a baseline fails as the method's claim presumes.

  Attributes:
    arm: the baseline.
    says: what it is, in words.
    value: the mean over the seeds.
    bound: what it has to be beyond.
    above: whether it has to be larger.
    shown: whether it is.
  """
  arm: str
  says: str
  value: float
  bound: float
  above: bool
  shown: bool


def outcomes(claim, arms):
  """The Outcomes of a claim: of the score for each pair, then the mechanism.

  Args:
    claim: Claim.
    arms: {arm: {seed: run}} of _claims_runs.gathered.
  """
  listed = []
  for measure in (claim.score, *claim.mechanism):
    for pair in claim.pairs:
      values = numbers(claim, arms, measure, pair)
      both = [paired.mean(values[arm]) for arm in (pair.baseline, pair.method)]
      comparison = paired.compared(values[pair.baseline], values[pair.method])
      verdict = judged(comparison, both[0].mean, measure.better,
                       pair.equal and measure is claim.score)
      fails = failing(claim, arms, pair)
      if measure is claim.score and fails and not fails.shown:
        verdict = UNTESTED
      listed.append(Outcome(pair, measure, *both, comparison, verdict))
  return listed


def judged(comparison, baseline, better, equal=False):
  """The verdict on a difference.

  Args:
    comparison: Comparison.
    baseline: the mean that MARGIN is of.
    better: lower | higher, as it is claimed.
    equal: whether it is claimed that nothing is lost.
  """
  low, high = comparison.low, comparison.high
  if better == 'lower':
    low, high = -high, -low
  margin = MARGIN * abs(baseline)
  if equal:
    return HOLDS if low >= -margin else OPPOSITE if high < -margin else OPEN
  if low > 0.:
    return HOLDS
  if high < 0.:
    return OPPOSITE
  return NONE if -margin <= low and high <= margin else OPEN


def failing(claim, arms, pair):
  """The Failing of a pair's baseline; None where the claim presumes none."""
  rule = claim.fails
  if not rule or rule.get('arm', pair.baseline) != pair.baseline:
    return None
  above = 'above' in rule
  bound = rule['above' if above else 'below']
  runs = arms[pair.baseline]
  value = float(np.mean([
      number(run, rule['label'], rule['value'], 'lower' if above else 'higher')
      for seed, run in runs.items() if seed != 'sizes']))
  return Failing(pair.baseline, rule['says'], value, bound, above,
                 value > bound if above else value < bound)


def numbers(claim, arms, measure, pair):
  """{arm: [number of each seed]} of the two arms of a pair.

  A run that stopped because its numbers were not finite has the worst number
  of all runs of the claim by this measure.
  """
  if measure.label in arms[pair.method].get('sizes', {}):
    return {arm: [arms[arm]['sizes'][measure.label]] * claim.seeds
            for arm in (pair.baseline, pair.method)}
  every = {arm: [number(arms[arm][str(seed)], measure.label, measure.value,
                        measure.better) for seed in range(claim.seeds)]
           for arm in arms}
  finite = [x for values in every.values() for x in values
            if math.isfinite(x)]
  if not finite:
    raise UserError(f'{claim.name}: no run measured {measure.label}')
  worst = max(finite) if measure.better == 'lower' else min(finite)
  return {arm: [x if math.isfinite(x) else worst for x in every[arm]]
          for arm in (pair.baseline, pair.method)}


def number(run, label, value, better):
  """One number of a run's course; NaN of a run that stopped.

  Breaks of a run that stopped are those before, and one.
  """
  course = curve(run, label)
  if value == 'breaks':
    before = breaks.summary(course, better)['breaks'] if course else 0
    return float(before + bool(run['stopped']))
  if run['stopped'] or not course:
    return math.nan
  last = max(course)
  if value == 'final':
    return course[last]
  if value == 'late':
    return float(np.mean([x for step, x in course.items()
                          if step > last / 2 or step == last]))
  return breaks.summary(course, better)[value]


def curve(run, label):
  """{step: value} of a label in one run."""
  return {step: value for step, value in zip(
      run['steps'], run['values'].get(label, ())) if value is not None}
