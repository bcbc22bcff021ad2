"""Steps per second: the compiled step alone, and through the whole loop.

  python -m bench.steps             all networks, some minutes on two cores
  python -m bench.steps dcgan-16    some of them

Raw and loop runs alternate in one process, and the ratio is of their medians:
a figure of one machine, not to be compared with another day's.
"""
import functools
import pathlib
import platform
import resource
import statistics
import sys
import tempfile
import time

import jax
import numpy as np

from jgan import build, heap, signals
from jgan import config as configs
from jgan.run import checkpoint, feeding, loop, parallel
from jgan.run.session import Session

ROUNDS = 5


def game(model, size, batch, widths, steps):
  """One discriminator and one generator step per step, as most papers time."""
  c = configs.base()
  c.steps, c.batch, c.devices = steps, batch, 0
  c.data = {'name': 'mixture', 'render': 'images', 'size': size}
  c.generator = {'name': model, 'width': widths[0]}
  c.discriminator = {'name': model, 'width': widths[1]}
  c.loss = {'name': 'hinge'}
  c.ema.decay = .999
  c.log.every = max(steps // 4, 1)
  c.samples.every = 0
  c.checkpoint.every = 10**6
  return configs.complete(c)


def games():
  """{name: config}; a CPU takes smaller batches and fewer steps."""
  small = jax.default_backend() == 'cpu'
  batch, steps = (16, 8) if small else (64, 200)
  return {
      'dcgan-16': game('dcgan', 16, 32, (16, 16), 400 if small else 2000),
      'dcgan-32': game('dcgan', 32, batch, (64, 64), 10 * steps),
      'sngan-32 64/64': game('sngan', 32, batch, (64, 64), 2 * steps),
      'sngan-32 256/128': game('sngan', 32, batch, (256, 128), steps),
  }


class Timed(Session):
  """A session that times its steps, all but the first quarter."""

  def after(self, step, state, health, metrics):
    """As ever, and notes the time at both ends."""
    state = super().after(step, state, health, metrics)
    if step == self.config.steps // 4:
      jax.block_until_ready(state)
      self.began = time.perf_counter()
    if step == self.config.steps:
      jax.block_until_ready(state)
      self.rate = (step - self.config.steps // 4) / (
          time.perf_counter() - self.began)
    return state


def measure(config):
  """Returns steps per second raw and looped, compile seconds, MiB."""
  where = parallel.layout(config)
  k = parallel.calls_of(config, jax.default_backend())
  method = build.method(config, axis_name=where.axis_name)
  source = build.source(config, '')
  raw, looped = [], []
  with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    (folder / 'samples').mkdir()
    saved = checkpoint.Checkpoints(folder / 'checkpoints')
    first = loop.first_state(config, method, source)
    plan = build.plan(config, method)
    with feeding.fed(config, plan, source, where, 0, k) as (data, feed):
      (_, length, kind), x = next(feed)
      state, _, _ = loop.begin(config, *first, saved, where)
      health = parallel.place(parallel.healthy(), where)
      seed = parallel.place(np.uint32(0), where)
      began = time.perf_counter()
      call = parallel.compile_call(
          functools.partial(parallel.advance, step=method.step), where, state,
          health, data, x, seed)
      compiling = time.perf_counter() - began
      for _ in range(ROUNDS):
        state, rate = raw_rate(call, state, health, data, x, seed,
                               config.steps, length)
        raw.append(rate)
        again, _, _ = loop.begin(config, *first, saved, where)
        session = Timed(config, method, source, folder, saved, where, 0, {})
        loop.loop(config, method, source, where, k, again, 0, session,
                  signals.Watch(), calls={(kind, length): call})
        looped.append(session.rate)
        session.close()
    saved.close()
  memory = call.memory_analysis()
  return (statistics.median(raw), statistics.median(looped), compiling,
          (memory.temp_size_in_bytes + memory.argument_size_in_bytes) / 2**20)


def raw_rate(call, state, health, data, x, seed, steps, k):
  """Steps per second of the executable, dispatched as fast as it takes."""
  state, health, _ = call(state, health, data, x, seed)
  jax.block_until_ready(state)
  began = time.perf_counter()
  for _ in range(max(steps * 3 // 4 // k, 1)):
    state, health, _ = call(state, health, data, x, seed)
  jax.block_until_ready(state)
  return state, max(steps * 3 // 4 // k, 1) * k / (time.perf_counter() - began)


def main(chosen):
  """Prints a table in Markdown."""
  heap.retain()
  say = lambda text: (sys.stdout.write(text + '\n'), sys.stdout.flush())
  device = jax.devices()[0]
  say(f'{jax.device_count()} x {device.device_kind} ({device.platform}), '
      f'{platform.processor() or platform.machine()}, jax {jax.__version__}; '
      f'medians of {ROUNDS} alternating rounds; one D and one G step with '
      'Adam, EMA, float32\n')
  say('| network, batch | raw steps/s | loop steps/s | loop/raw | ms/step '
      '| img/s | compile s | MiB |')
  say('|---|---|---|---|---|---|---|---|')
  for name, config in games().items():
    if chosen and name.split()[0] not in chosen and name not in chosen:
      continue
    raw, looped, compiling, mib = measure(config)
    say(f'| {name}, {config.batch} | {raw:.3g} | {looped:.3g} '
        f'| {looped / raw:.1%} | {1000 / looped:.3g} '
        f'| {looped * config.batch:,.0f} | {compiling:.1f} | {mib:,.0f} |')
  peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
  say(f'\npeak memory of the process: {peak:,.0f} MiB')


if __name__ == '__main__':
  main(sys.argv[1:])
