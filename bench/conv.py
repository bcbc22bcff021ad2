"""Times convolutions on this machine: XLA's own beside ops/conv.py's.

python -m bench.conv [--repeats N]

For each shape and direction it prints GFLOP/s, 2 x the products of the
definition a second: the best of N calls, which alternate.
"""
import argparse
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

from jgan import heap
from jgan.ops import conv


def _same(taps, dilation=1):
  """The Window with as many outputs as inputs."""
  pad = dilation * (taps // 2)
  return conv.Window((1, 1), ((pad, pad),) * 2, (dilation,) * 2)


SHAPES = {  # batch, side, channels in and out, taps, Window
    '64 x 16 x 16, 32 -> 1': (64, 16, 32, 1, 3, _same(3)),
    '16 x 32 x 32, 256 -> 3': (16, 32, 256, 3, 3, _same(3)),
    '64 x 16 x 16, 32 -> 32': (64, 16, 32, 32, 3, _same(3)),
    '64 x 8 x 8, 64 -> 64': (64, 8, 64, 64, 3, _same(3)),
    '16 x 32 x 32, 64 -> 64': (16, 32, 64, 64, 3, _same(3)),
    '16 x 16 x 16, 128 -> 128': (16, 16, 128, 128, 3, _same(3)),
    '16 x 8 x 8, 256 -> 256': (16, 8, 256, 256, 3, _same(3)),
    '16 x 32 x 32, 256 -> 256': (16, 32, 256, 256, 3, _same(3)),
    '16 x 32 x 32, 128 -> 128': (16, 32, 128, 128, 3, _same(3)),
    '64 x 32 x 32, 64 -> 64': (64, 32, 64, 64, 3, _same(3)),
    '16 x 64 x 64, 32 -> 32': (16, 64, 32, 32, 3, _same(3)),
    '8 x 64 x 64, 64 -> 128': (8, 64, 64, 128, 3, _same(3)),
    '4 x 128 x 128, 64 -> 64': (4, 128, 64, 64, 3, _same(3)),
    '16 x 32 x 32, 64 -> 128, 4 x 4 / 2': (16, 32, 64, 128, 4,
        conv.Window((2, 2), ((1, 1),) * 2)),
    '16 x 32 x 32, 64 -> 64, 5 x 5': (16, 32, 64, 64, 5, _same(5)),
    '16 x 16 x 16, 128 -> 128, 5 x 5': (16, 16, 128, 128, 5, _same(5)),
    '4 x 32 x 32, 256 -> 256, 5 x 5': (4, 32, 256, 256, 5, _same(5)),
    '4 x 32 x 32, 256 -> 256, dilated': (4, 32, 256, 256, 3, _same(3, 2)),
    '4 x 32 x 32, 256, 5 x 5, dilated': (4, 32, 256, 256, 5, _same(5, 2)),
    '16 x 32 x 32, 64, 5 x 5, dilated': (16, 32, 64, 64, 5, _same(5, 2))}

DIRECTIONS = {
    'forward': lambda f: lambda x, kernel, y: f(x, kernel),
    'input': lambda f: lambda x, kernel, y: jax.vjp(
        lambda x: f(x, kernel), x)[1](y),
    'kernel': lambda f: lambda x, kernel, y: jax.vjp(
        lambda kernel: f(x, kernel), kernel)[1](y)}


def rates(b, n, c, d, taps, window, repeats):
  """{direction: GFLOP/s of (XLA's, this one)}."""
  out = window.outputs((n, n), (taps,) * 2)
  rng = np.random.default_rng(0)
  x, kernel, y = (jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in
                  ((b, n, n, c), (taps, taps, c, d), (b, *out, d)))
  native = lambda x, kernel: jax.lax.conv_general_dilated(
      x, kernel, window.stride, window.padding, rhs_dilation=window.dilation,
      dimension_numbers=('NHWC', 'HWIO', 'NHWC'))
  own = lambda x, kernel: conv.convolve(x, kernel, window)
  flops = 2 * y.size * taps**2 * c
  return {name: [flops / seconds / 1e9 for seconds in _best(
      [jax.jit(direction(f)) for f in (native, own)], (x, kernel, y), repeats)]
      for name, direction in DIRECTIONS.items()}


def _best(functions, arguments, repeats):
  """Seconds of the fastest call of each; the first ones compile."""
  seconds = [[] for _ in functions]
  for _ in range(repeats + 1):
    for function, spent in zip(functions, seconds):
      start = time.perf_counter()
      jax.block_until_ready(function(*arguments))
      spent.append(time.perf_counter() - start)
  return [min(spent[1:]) for spent in seconds]


def main(repeats):
  """Prints a row per shape: XLA's and this one's, by direction."""
  heap.retain()
  out = sys.stdout
  out.write(f'jax {jax.__version__}, {jax.devices()[0].device_kind}\n'
            f'{"GFLOP/s":36}' + ''.join(f'{name:>14}' for name in DIRECTIONS)
            + '\n')
  for name, shape in SHAPES.items():
    found = rates(*shape, repeats)
    out.write(f'{name:36}' + ''.join(
        f'{f"{native:.0f} / {own:.0f}":>14}' for native, own in found.values())
        + '\n')
    out.flush()


if __name__ == '__main__':
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--repeats', type=int, default=10)
  main(parser.parse_args().repeats)
