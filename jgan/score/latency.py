"""Latency of compiled functions on the current device."""
import time

import jax
import numpy as np


def measure(calls, *, rounds=30, seconds=20.):
  """Measures the latency of several functions of arrays, for comparison.

  All functions are compiled and called once without timing, with arguments on
  the device. Then they are called in turns, and every round reverses the order
  of the previous one, so that other load on the machine affects all equally. A
  call ends when its result is ready.

  Args:
    calls: {name: (function, arguments)}; arguments is a tuple of pytrees of
      arrays.
    rounds: number of calls of each function.
    seconds: time limit; no round begins after it, except the first three.

  Returns:
    {name: median seconds of one call}.
  """
  ready = {name: (jax.jit(function), jax.device_put(arguments))
           for name, (function, arguments) in calls.items()}
  for function, arguments in ready.values():
    jax.block_until_ready(function(*arguments))
  times = {name: [] for name in ready}
  order = list(ready)
  began = time.perf_counter()
  for i in range(rounds):
    if i >= 3 and time.perf_counter() - began > seconds:
      break
    for name in order:
      function, arguments = ready[name]
      start = time.perf_counter()
      jax.block_until_ready(function(*arguments))
      times[name].append(time.perf_counter() - start)
    order.reverse()
  return {name: float(np.median(values)) for name, values in times.items()}
