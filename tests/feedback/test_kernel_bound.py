"""The adaptive bound of the MMD loss."""
import inspect

import jax
import numpy as np
import pytest

from jgan.errors import UserError
from jgan.feedback import kernel_bound
from jgan.losses import mmd


def bounds(scores, b_u=4., **knobs):
  """The bound after each score of a run."""
  memory, found = kernel_bound.start(b_u, **knobs), []
  for i, score in enumerate(scores):
    memory = kernel_bound.update(memory, score, (i + 1) / len(scores), **knobs)
    found.append(float(memory['b_u']))
  return found


def test_the_bound_doubles_as_in_the_reference():
  """specs/mmd_adversarial_nas.md 9.6."""
  got = bounds([10.] + [11.] * 6 + [9.] + [9.5] * 30)
  assert got == [4.] * 6 + [8.] * 7 + [16.] * 6 + [32.] * 19


def test_the_bound_stays_where_every_score_is_a_new_best():
  assert bounds([30. - i for i in range(20)]) == [4.] * 20


def test_the_same_score_again_is_no_new_best():
  # .1 is above itself once it was rounded to float32.
  assert bounds([.1] * 4, patience=3) == [4., 4., 4., 8.]


def test_a_saturating_bound_grows_by_a_constant_until_the_cap():
  got = bounds([1.] * 8, rule='saturating', patience=2, increase=3., cap=9.)
  assert got == [4., 4., 7., 7., 9., 9., 9., 9.]


def test_a_linear_bound_grows_by_equal_factors_to_the_cap_at_the_end():
  got = bounds([1.] * 3, rule='linear')
  np.testing.assert_allclose(got, [8., 16., 32.], rtol=1e-6)


def test_a_fixed_bound_stays():
  assert bounds([1.] * 20, rule='fixed') == [4.] * 20


@pytest.mark.parametrize('rule', kernel_bound.RULES)
def test_memory_stays_finite_and_of_the_same_shapes_and_types(rule):
  """It lives in the state: a changed type would compile every step anew."""
  first = memory = kernel_bound.start(4., rule=rule, patience=1)
  form = lambda memory: jax.tree.map(lambda x: (x.dtype, x.shape), memory)
  for score in (7., 8., 9.):
    # As it comes back from a checkpoint.
    memory = jax.tree.map(np.asarray, memory)
    memory = kernel_bound.update(memory, score, .5, rule=rule, patience=1)
    assert form(memory) == form(first)
    assert all(np.isfinite(x) for x in memory.values())


def test_update_changes_no_memory_but_its_own():
  memory = kernel_bound.start(4.)
  before = dict(memory)
  kernel_bound.update(memory, 3., 1.)
  assert memory == before


def test_it_steers_a_scalar_that_the_loss_takes():
  assert kernel_bound.SETS in mmd.TRACED


def test_start_and_update_have_the_same_knobs():
  """Both are bound from one section of the config."""
  knobs = [{p.name: p.default for p in inspect.signature(f).parameters.values()
            if p.kind == p.KEYWORD_ONLY}
           for f in (kernel_bound.start, kernel_bound.update)]
  assert knobs[0] == knobs[1]


@pytest.mark.parametrize('b_u, knobs, words', [
    (4., {'rule': 'dubling'}, "no rule 'dubling': did you mean 'doubling'"),
    (0., {}, 'b_u=0 and cap=32'),
    (64., {}, 'b_u=64 and cap=32'),
    (4., {'patience': 0}, 'patience=0'),
    (4., {'factor': .5}, r'factor=0\.5'),
    (4., {'increase': -1.}, 'increase=-1'),
])
def test_knobs_that_make_no_sense_are_refused(b_u, knobs, words):
  with pytest.raises(UserError, match=words):
    kernel_bound.start(b_u, **knobs)
