"""Times precision, recall, density and coverage at 10,000 x 10,000.

python -m bench.neighbours [d ...]
"""
import sys
import time

import numpy as np

from jgan.metrics import _neighbours, density_coverage, precision_recall
from jgan.metrics._samples import Samples


def measure(d, n=10000):
  """[(metric, seconds)] for n real and n generated samples of d features."""
  rng = np.random.default_rng(0)
  sets = [Samples(n, features=rng.normal(size=(n, d)).astype(np.float32))
          for _ in range(2)]
  rows = []
  for metric in (precision_recall, density_coverage):
    start = time.perf_counter()
    metric.score(*sets)
    rows.append((metric.__name__.split('.')[-1], time.perf_counter() - start))
  return rows


def main(dims, n=10000):
  """Prints a table: d, metric, seconds, and the distances held at once."""
  out = sys.stdout
  held = min(_neighbours._ENTRIES, n * n)
  out.write(f'{held:,} of {n * n:,} distances held at once\n')
  for d in dims:
    for name, seconds in measure(d, n):
      out.write(f'{d:6}  {name:18}{seconds:8.2f} s\n')
    out.flush()


if __name__ == '__main__':
  main([int(d) for d in sys.argv[1:]] or [2048])
