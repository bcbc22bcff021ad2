"""Steps in one dispatch: chunks that end wherever the host has work to do.

A program is compiled for each length of a chunk, so a run has two lengths for
each kind of step, chosen once for all of its steps. The chunks after a step do
not depend on the session that begins there: a resumed run repeats those of the
unbroken one.
"""
import collections
import itertools
import math

import numpy as np

from jgan.run import evolving, pair, snapshots


def ends(config):
  """Steps after which the host may have work: sorted ints, with the last."""
  c = config
  steps = [c.steps, *pair.ends(c), *evolving.steps(c)]
  if c.profile.steps:
    steps += [c.profile.start, c.profile.start + c.profile.steps]
  for section in (c.log, c.samples, c.eval, c.checkpoint):
    if section.every:
      first = section.get('first', 0) or section.every
      steps += range(first, c.steps, section.every)
  if snapshots.every(c):
    steps += range(snapshots.every(c), c.steps, snapshots.every(c))
  return sorted({step for step in steps if 0 < step <= c.steps})


def of_run(config, plan, start, k):
  """Yields the steps of each dispatch: (last step, count, kind).

  A dispatch has at most k steps, all of one kind, and none of `ends` but at its
  last step. Each kind has at most two counts, whatever the start is as long as
  it is the end of a dispatch.
  """
  if k == 1:
    yield from ((step + 1, 1, plan(step).name)
                for step in range(start, config.steps))
    return
  until = ends(config)
  counts = collections.defaultdict(collections.Counter)
  for name, count in _spans(plan, 0, until):
    counts[name][count] += 1
  pairs = {name: lengths(spans, k) for name, spans in counts.items()}
  step = start
  for name, count in _spans(plan, start, until):
    for length in split(count, *pairs[name]):
      step += length
      yield step, length, name


def _spans(plan, start, until):
  """Yields runs of steps of one kind between ends: (kind, count)."""
  for end in until:
    kinds = (plan(step).name for step in range(start, end))
    for name, steps in itertools.groupby(kinds):
      yield name, sum(1 for _ in steps)
    start = max(start, end)


def lengths(spans, k):
  """The two lengths of chunks that make the fewest of all spans: (long, short).

  They are equal where one length takes at most a quarter more chunks: a second
  program has to be worth its compilation.

  spans: {number of steps: how many spans have it}.
  k: most steps in a chunk.
  """
  steps, times = (np.array(x) for x in zip(*spans.items(), strict=True))
  alone = math.gcd(*spans)
  alone = max(d for d in range(1, k + 1) if alone % d == 0)
  fewest, best = math.inf, None
  for long in range(k, k // 2, -1):
    for short in range(1, long):
      count = _parts(steps, long, short)[1] @ times
      if count < fewest:
        fewest, best = count, (long, short)
  if best is None or steps @ times / alone <= 1.25 * fewest:
    return alone, alone
  return best


def _parts(steps, long, short):
  """Fewest chunks of these lengths: how many long ones and how many in all.

  steps: [n] ints, of spans.

  Returns:
    Two arrays [n]; the second is inf where no chunks of these lengths fill the
    span.
  """
  common = math.gcd(long, short)
  period = short // common
  # longs * long + others * short = steps, with as many longs as can be: their
  # number is known modulo `period`.
  known = steps // common * pow(long // common, -1, period)
  longs = steps // long - (steps // long - known) % period
  fills = (steps % common == 0) & (longs >= 0)
  return longs, np.where(fills, longs + (steps - long * longs) / short, np.inf)


def split(count, long, short):
  """Yields lengths of the chunks of a span: the fewest, long ones first.

  A span that such lengths do not fill, the rest of one that another config
  began, has single steps first.
  """
  (longs,), (total,) = _parts(np.array([count]), long, short)
  while total == np.inf:
    yield 1
    count -= 1
    (longs,), (total,) = _parts(np.array([count]), long, short)
  yield from itertools.repeat(long, longs)
  yield from itertools.repeat(short, int(total) - longs)
