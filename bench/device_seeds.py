"""Many seeds of a small network in one program, beside one: a row of the check.

By the ordinary verb, and the loop that it has on accelerators.
"""
import tempfile
import time
from unittest import mock

import jax

from bench import steps
from jgan.run import seeds
from jgan.run.sessions import Sessions


class Timed(Sessions):
  """Sessions that note the steps per second of the second half.

  Attributes:
    began, rate: of the class, since run/seeds.py makes the object.
  """
  began = rate = None

  def after(self, step, state, health, metrics):
    """As ever."""
    state = super().after(step, state, health, metrics)
    last = next(iter(self.sessions.values())).config.steps
    if step == last // 2:
      jax.block_until_ready(state)
      Timed.began = time.perf_counter()
    if step == last:
      jax.block_until_ready(state)
      Timed.rate = last / 2 / (time.perf_counter() - Timed.began)
    return state


def rows(smallest):
  """Values of 1 run and of 8 runs of a DCGAN of 16 channels at 32 pixels."""
  one, count = None, 8 if smallest else 2000
  for runs in (1, 8):
    config = steps.game('dcgan', 32, 16, (16, 16), count)
    config.seeds, config.log.every = runs, count // 2
    began = time.perf_counter()
    with (tempfile.TemporaryDirectory() as folder,
          mock.patch.object(seeds, 'Sessions', Timed)):
      seeds.run(config, folder, together=True)
    one = one or Timed.rate
    yield {'runs': runs, 'ms_per_step': 1000 / Timed.rate,
           'images_per_s': Timed.rate * runs * config.batch,
           'times_one': runs * Timed.rate / one,
           'command_s': time.perf_counter() - began}
