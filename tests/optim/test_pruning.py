"""What config.optimizer.*.pruning takes, and what the host knows of it."""
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jgan import config as configs
from jgan.errors import UserError
from jgan.optim import masked, pruning
from jgan.optim.masked import DENSE, SPARSE, WARMUP
from jgan.optim.prune_grow import calendar


def section(name, **changes):
  """A whole section, as a completed config has it."""
  c = configs.base()
  c.optimizer.gen.pruning = {'name': name, **changes}
  return configs.fill(c).optimizer.gen.pruning.to_dict()


@pytest.mark.parametrize('steps, given', [
    (1000, dict(warmup=20, interval=10, unit=5)),
    (41, dict(warmup=10, interval=5, first_extra=1)),
    (7, dict(warmup=0, interval=2)), (3, dict(warmup=2, interval=9))])
def test_the_spans_of_prune_and_grow_are_those_of_its_calendar(steps, given):
  spans = pruning.spans(steps=steps, **section('prune_grow', **given))
  unit = given.get('unit', 1)
  phase, age = calendar(np.arange(steps), warmup=given['warmup'] * unit,
                        interval=given['interval'] * unit,
                        first_extra=given.get('first_extra', 0))
  want = [s for s in range(steps) if age[s] == 0]
  assert [x.first for x in spans] == want
  assert [x.end for x in spans] == [*want[1:], steps]
  assert [x.phase for x in spans] == [int(phase[s]) for s in want]
  assert {(x.phase, x.density) for x in spans} <= {
      (WARMUP, 1.), (SPARSE, .9), (DENSE, 1.)}


def test_densities_follow_a_falling_ratio():
  spans = pruning.spans(steps=8, **section(
      'prune_grow', ratio=.4, cosine=True, warmup=2, interval=2))
  part = lambda step: .2 * (1 + math.cos(math.pi * step / 8))
  assert [x.density for x in spans] == pytest.approx(
      [1., 1 - part(2), 1., 1 - part(6)])


def test_the_spans_of_the_others():
  spans = lambda name, **given: [tuple(x) for x in pruning.spans(
      steps=10, **section(name, **given))]
  assert spans('none') == [(0, 10, DENSE, 1.)]
  assert spans('fixed_mask') == [(0, 10, SPARSE, None)]
  assert spans('rigl', density=.3) == [(0, 10, SPARSE, .3)]
  assert spans('rigl', density=.3, warmup=2, unit=2) == [
      (0, 4, WARMUP, 1.), (4, 10, SPARSE, .3)]


def test_rigl_counts_units_and_the_updates_of_a_step():
  """Two updates a step, two steps a unit, until half of what is left."""
  given = section('rigl', density=.5, drop=1., warmup=1, interval=1, unit=2,
                  stop=.5)
  name = given.pop('name')
  tx = getattr(pruning, name)(optax.sgd(.1), steps=10, updates_per_step=2,
                              seed=0, **given)
  params = {'kernel': jnp.arange(1., 21.)}
  state, step, moved = tx.init(params), jax.jit(tx.update), []
  for update in range(20):
    before = masked.masks_of(state)['kernel']
    g = {'kernel': jnp.float32(np.random.default_rng(update).normal(size=20))}
    updates, state = step(g, state, params)
    params = optax.apply_updates(params, updates)
    if (masked.masks_of(state)['kernel'] != before).any():
      moved.append(update)
  # The warm-up has 4 updates, then masks move every 4 until 8 have passed.
  assert moved == [4, 8]


@pytest.mark.parametrize('given, words', [
    ({'stop': 0.}, r'stop=0.0 is not in \(0, 1\]'),
    ({'unit': 0}, 'unit=0 is below 1'),
    ({'warmup': 9}, 'the warm-up of 9 steps leaves none of config.steps=9')])
def test_what_no_run_could_mean_is_refused_by_the_config_of_rigl(given, words):
  given = section('rigl', **given)
  make = functools.partial(getattr(pruning, given.pop('name')), **given)
  with pytest.raises(UserError, match=words):
    make(optax.sgd(.1), steps=9, updates_per_step=1, seed=0)
