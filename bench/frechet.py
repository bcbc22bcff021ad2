"""Times the Frechet distance beside scipy's matrix square root.

python -m bench.frechet [d ...]
"""
import sys
import time

import numpy as np
import scipy.linalg

from jgan.metrics import _frechet


def compare(d, n):
  """Seconds and values at d features of n samples, of three solvers.

  The features are like those of a network: not negative, with a spectrum
  that decays.

  Returns:
    [(solver, seconds, distance)].
  """
  rng = np.random.default_rng(0)
  mix = rng.normal(size=(d, d)) * np.arange(1, d + 1)[:, None]**-.7
  one, two = (np.maximum(rng.normal(size=(n, d)) @ mix + shift, 0.)
              for shift in (0., .1))
  first, second = _frechet.statistics(one), _frechet.statistics(two)

  def sqrtm():
    (m1, s1), (m2, s2) = first, second
    root = scipy.linalg.sqrtm(s1 @ s2)
    return np.sum((m1 - m2)**2) + np.trace(s1 + s2 - 2. * np.real(root))

  solvers = {'eigenvalues': lambda: _frechet.distance(*first, *second)}
  if n < d:
    solvers['low rank'] = lambda: _frechet.distance(*first, *second, two)
  solvers['scipy sqrtm'] = sqrtm
  rows = []
  for name, solve in solvers.items():
    start = time.perf_counter()
    value = solve()
    rows.append((name, time.perf_counter() - start, float(value)))
  return rows


def main(dims):
  """Prints a table: d, n, solver, seconds, times faster, off by.

  What a distance is off by is relative to the solver above scipy's.
  """
  out = sys.stdout
  out.write(f'{"d":>6}{"n":>7}  {"solver":12}{"seconds":>9}{"faster":>8}'
            f'{"off by":>12}\n')
  for d in dims:
    for n in (2 * d, d // 4):
      rows = compare(d, n)
      # Of few samples sqrtm itself is off, by more than the other two.
      slow, exact = rows[-1][1], rows[-2][2]
      for name, seconds, value in rows:
        out.write(f'{d:6}{n:7}  {name:12}{seconds:9.2f}'
                  f'{slow / seconds:7.1f}x{abs(value / exact - 1.):12.1e}\n')
      out.flush()


if __name__ == '__main__':
  main([int(d) for d in sys.argv[1:]] or [2048])
