"""How long compiled functions take on the device at hand."""
import time

import jax
import numpy as np


def measure(calls, *, rounds=30, seconds=20.):
  """Times functions of arrays against each other.

  All are compiled and called once unmeasured, with their arguments on the
  device already. Then they take turns, each round in the reverse order of the
  one before, so that what else the machine does hits all alike. A call ends
  when its result is ready.

  Args:
    calls: {name: (function, arguments)}, a tuple of pytrees of arrays.
    rounds: calls of each function.
    seconds: after so long there are fewer rounds, but at least three.

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
  return {name: float(np.median(taken)) for name, taken in times.items()}
