"""Timing: in turns, and only what is done."""
import time

import jax
import jax.numpy as jnp
import numpy as np

from jgan.score import latency


def test_latencies_are_positive_and_finite():
  x = np.ones((4, 4), np.float32)
  found = latency.measure({'sum': (jnp.sum, (x,)),
                           'product': (jnp.matmul, (x, x))}, rounds=3)
  assert list(found) == ['sum', 'product']
  assert all(0. < seconds < 1. for seconds in found.values())


def test_functions_take_turns_and_the_median_counts(monkeypatch):
  order, clock = [], [0.]
  # A call of f takes 3 s, of g 1 s, and the third of g is disturbed.
  def call(name, seconds):
    def function():
      order.append(name)
      clock[0] += 50. if order.count('g') == 3 and name == 'g' else seconds
    return function

  monkeypatch.setattr(jax, 'jit', lambda function: function)
  monkeypatch.setattr(time, 'perf_counter', lambda: clock[0])
  calls = {'f': (call('f', 3.), ()), 'g': (call('g', 1.), ())}
  assert latency.measure(calls, rounds=4, seconds=1e9) == {'f': 3., 'g': 1.}
  assert ''.join(order) == 'fg' + 'fggf' * 2
  order.clear()
  latency.measure(calls, seconds=0.)
  assert ''.join(order) == 'fg' + 'fggffg'


def test_more_work_takes_longer():
  x = np.random.default_rng(0).random((300, 300), np.float32)
  power = lambda n: lambda x: jnp.linalg.matrix_power(x, n)
  found = latency.measure({'often': (power(255), (x,)),
                           'once': (power(2), (x,))}, rounds=9)
  assert found['often'] > found['once']


def test_a_function_of_pytrees_can_be_timed():
  net = {'w': np.ones((3, 2), np.float32), 'b': np.ones(2, np.float32)}
  found = latency.measure({'layer': (
      lambda net, x: x @ net['w'] + net['b'], (net, np.ones((1, 3))))})
  assert found['layer'] > 0.
