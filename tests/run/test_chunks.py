"""Chunks of steps: they end where the host has work, with two lengths."""
import collections
import types

import numpy as np
import pytest

from jgan import build
from jgan import config as configs
from jgan.run import chunks
from jgan.run.session import Session


def random_config(rng):
  c = configs.base()
  c.steps = int(rng.integers(30, 400))
  for section in (c.log, c.samples, c.eval, c.checkpoint):
    section.every = int(rng.integers(0, 50))
  c.log.every = max(c.log.every, 1)
  c.eval.first = int(rng.integers(0, 3)) * int(rng.integers(1, 90))
  c.profile.update({'start': int(rng.integers(0, 20)),
                    'steps': int(rng.integers(0, 4))})
  return c


def plan_of(rng):
  """Kinds of steps in turn, with a few steps of each."""
  kinds = np.repeat(['a', 'b', 'c'], rng.integers(1, 25, 3))
  return lambda step: types.SimpleNamespace(name=kinds[step % len(kinds)])


@pytest.mark.parametrize('seed', range(20))
def test_chunks_end_where_work_is_due_and_have_two_lengths(seed):
  rng = np.random.default_rng(seed)
  c, plan, k = random_config(rng), plan_of(rng), int(rng.integers(1, 13))
  all_ = [*chunks.of_run(c, plan, 0, k)]
  steps = [step for _, length, name in all_ for step in [name] * length]
  assert steps == [plan(step).name for step in range(c.steps)]
  lasts = [last for last, _, _ in all_]
  assert lasts == [*np.cumsum([length for _, length, _ in all_])]
  session = types.SimpleNamespace(config=c)
  for step in range(1, c.steps + 1):
    due = [Session.is_due(session, step, c[name].every, c[name].get('first', 0))
           for name in ('log', 'samples', 'eval', 'checkpoint')]
    if any(due) or (c.profile.steps and step in (
        c.profile.start, c.profile.start + c.profile.steps)):
      assert step in lasts
  lengths = collections.defaultdict(set)
  for _, length, name in all_:
    lengths[name].add(length)
  assert all(len(x) <= 2 and max(x) <= k for x in lengths.values())
  # A session that begins after any of them has the same ones.
  i = int(rng.integers(len(all_)))
  assert [*chunks.of_run(c, plan, lasts[i], k)] == all_[i + 1:]


@pytest.mark.parametrize('spans, k, lengths', [
    ({391: 500}, 10, (10, 1)),  # one step of each span alone: 40 chunks
    ({100: 9, 20: 1}, 10, (10, 10)),
    ({16: 7}, 10, (8, 8)),
    ({15: 7, 20: 5}, 10, (10, 5)),
    ({7: 4}, 10, (7, 7)),
    ({11: 3}, 4, (4, 3)),
    ({8: 9, 9: 1}, 1, (1, 1))])
def test_the_lengths_of_chunks_are_those_that_make_the_fewest(
    spans, k, lengths):
  assert chunks.lengths(spans, k) == lengths


def test_no_two_lengths_make_fewer_chunks():
  """Against all pairs, counted by dynamic programming."""
  def fewest(steps, pair):
    counts = [0]
    for n in range(1, steps + 1):
      counts.append(1 + min((counts[n - x] for x in pair if x <= n),
                            default=np.inf))
    return counts[steps]

  rng = np.random.default_rng(0)
  for _ in range(20):
    spans, k = {int(x): 1 for x in rng.integers(1, 40, 3)}, int(
        rng.integers(2, 9))
    best = min(sum(fewest(s, (a, b)) for s in spans)
               for a in range(1, k + 1) for b in range(1, a + 1))
    got = sum(len([*chunks.split(s, *chunks.lengths(spans, k))]) for s in spans)
    assert best <= got <= 1.25 * best


def test_a_span_that_another_config_began_starts_with_single_steps():
  assert [*chunks.split(23, 10, 4)] == [1, 10, 4, 4, 4]
  c = configs.base()
  c.steps, c.log.every, c.steps_per_call = 40, 20, 10
  plan = build.plan(c, types.SimpleNamespace(plan=None))
  assert [x[1] for x in chunks.of_run(c, plan, 17, 10)] == [1, 1, 1, 10, 10]
