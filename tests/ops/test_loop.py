"""Loops that XLA's CPU backend does not see."""
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.ops import loop


def body(carry, x):
  return carry * 2. + x['a'], {'y': carry - x['a']}


@pytest.mark.parametrize('unroll', [True, False])
@pytest.mark.parametrize('length', [1, 3])
def test_it_does_what_scan_does(unroll, length):
  xs = {'a': jnp.arange(1., 1. + length)}
  want = jax.lax.scan(body, 1., xs)
  got = loop.scan(body, 1., xs, unroll=unroll)
  assert jax.tree.all(jax.tree.map(np.array_equal, want, got))


@pytest.mark.parametrize('unroll, length, loops', [
    (True, 1, False), (True, 3, False), (False, 1, False), (False, 3, True)])
def test_written_out_there_is_no_loop_in_the_program(unroll, length, loops):
  """A loop of one turn made SNGAN's step 18 times slower on a CPU."""
  text = jax.jit(lambda xs: loop.scan(body, 1., xs, unroll=unroll)).lower(
      {'a': jnp.ones(length)}).as_text()
  assert ('while' in text) == loops
