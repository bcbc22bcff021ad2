"""What a method adds to a step: its time beside that of the plain twin.

  python -m bench.methods             all of them, some minutes on two cores
  python -m bench.methods sdp octave  some of them

Both compiled steps of a pair take turns in one process, and the figure is the
median of the ratios of their turns; of one machine, to be taken as a ratio
only. Prune-and-grow is timed inside a sparse phase; the step that begins one,
which sorts all weights, is timed apart.
"""
import functools
import platform
import statistics
import sys
import time

import jax
import numpy as np

from jgan import build
from jgan import config as configs
from jgan.run import feeding, loop, parallel

ROUNDS = 9
FOREVER = 10**6
SPARSE = {'name': 'prune_grow', 'warmup': 1, 'interval': FOREVER}


def base(model, width, batch, **sections):
  """A plain game on 32 x 32 images."""
  c = configs.base()
  c.steps, c.batch = FOREVER, batch
  c.data = {'name': 'mixture', 'render': 'images', 'size': 32}
  c.generator = {'name': model, 'width': width}
  c.discriminator = {'name': model, 'width': width}
  c.loss = {'name': 'hinge'}
  for key, value in sections.items():
    c[key] = value
  return c


def changed(config, changes):
  """The config with {'a.b': value} set."""
  config = config.copy_and_resolve_references()
  config.update_from_flattened_dict(changes)
  return config


def pairs():
  """{name: (plain config, config of the method)}."""
  batch = 16 if jax.default_backend() == 'cpu' else 64
  sngan, cnn, dcgan = (base(model, 64, batch)
                       for model in ('sngan', 'cnn', 'dcgan'))
  octave = {'name': 'octave', 'alpha': .5}
  return {
      'prune_grow': (sngan, changed(sngan, {'optimizer.gen.pruning': SPARSE})),
      'sdp': (cnn, changed(cnn, {'penalties': (
          {'name': 'sample_differences', 'start': 0},)})),
      'diffaugment': (sngan, changed(sngan, {'augment': (
          {'name': 'diffaugment'},)})),
      'ada': (sngan, changed(sngan, {'augment': ({'name': 'ada', 'p': .5},)})),
      'apa': (sngan, changed(sngan, {'augment': (
          {'name': 'adaptive_pseudo'},)})),
      'octave': (dcgan, changed(dcgan, {'generator.conv': octave,
                                        'discriminator.conv': octave})),
  }


class Side:
  """One compiled step and its state."""

  def __init__(self, config):
    config = configs.complete(config)
    where = parallel.layout(config)
    method = build.method(config, axis_name=where.axis_name)
    source = build.source(config, '')
    init, _ = loop.first_state(config, method, source)
    plan = build.plan(config, method)
    with feeding.fed(config, plan, source, where, 0, 1) as (data, feed):
      _, x = next(feed)
      self._state = parallel.place(jax.jit(init)(), where)
      self._health = parallel.place(parallel.healthy(), where)
      self._inputs = data, x, parallel.place(np.uint32(0), where)
      began = time.perf_counter()
      self._call = parallel.compile_call(
          functools.partial(parallel.advance, step=method.step), where,
          self._state, self._health, *self._inputs)
    self.compiling = time.perf_counter() - began

  def seconds(self, count=1):
    """A step's time, of so many in a row."""
    began = time.perf_counter()
    for _ in range(count):
      self._state, self._health, _ = self._call(self._state, self._health,
                                                *self._inputs)
    jax.block_until_ready(self._state)
    return (time.perf_counter() - began) / count


def main(chosen):
  """Prints a table in Markdown."""
  say = lambda text: (sys.stdout.write(text + '\n'), sys.stdout.flush())
  device = jax.devices()[0]
  say(f'{jax.device_count()} x {device.device_kind} ({device.platform}), '
      f'{platform.processor() or platform.machine()}, jax {jax.__version__}; '
      f'medians of {ROUNDS} turns; one D and one G step with Adam, float32\n')
  say('| method, on | plain ms/step | with it | ratio | first steps ms '
      '| compile s, plain / with |')
  say('|---|--:|--:|--:|--:|--:|')
  known = pairs()
  for name in chosen or known:
    plain, method = (Side(config) for config in known[name])
    plain.seconds(2)
    first = [method.seconds() for _ in range(2)]  # the second prunes
    turns = [(plain.seconds(3), method.seconds(3)) for _ in range(ROUNDS)]
    times = [1000 * statistics.median(side) for side in zip(*turns)]
    ratio = statistics.median(b / a for a, b in turns)
    c = known[name][0]
    say(f'| {name}, {c.generator.name}-32 {c.generator.width}, batch '
        f'{c.batch} | {times[0]:.4g} | {times[1]:.4g} | {ratio:.3f} '
        f'| {", ".join(f"{1000 * s:.4g}" for s in first)} '
        f'| {plain.compiling:.1f} / {method.compiling:.1f} |')


if __name__ == '__main__':
  main(sys.argv[1:])
