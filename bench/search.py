"""A step of each search beside the same in PyTorch.

  make bench-torch                    both searches at full width
  python -m bench.search alphagan     one of them
  python -m bench.search --check      are both sides the same arithmetic?

Each side is a process of its own that stays warm; their steps alternate. Both
get the same cores. Times are of one machine, not to be compared with another
day's; PyTorch loses most where other jobs share the cores: --threads=1 then.
"""
import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import numpy as np

GAMES = {
    'adversarial_nas': {'widths': (160, 80), 'batch': 4},
    'alphagan': {'widths': (64, 64), 'batch': 64},
}
ALLOWED = 1e-4  # relative to the largest value


class Side:
  """A process that holds a game (bench/worker.py)."""

  def __init__(self, python, module, game):
    self._process = subprocess.Popen(
        [python, '-m', module, json.dumps(game)], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, 'JAX_PLATFORMS': 'cpu'})
    self._module = module
    self._read()

  def ask(self, method, *arguments):
    """What the game's method returns."""
    self._process.stdin.write(json.dumps([method, *arguments]) + '\n')
    self._process.stdin.flush()
    return self._read()

  def close(self):
    """Lets the process end."""
    self._process.stdin.close()
    self._process.wait()

  def _read(self):
    line = self._process.stdout.readline()
    if not line:
      raise RuntimeError(f'{self._module} ended with exit status '
                         f'{self._process.wait()}; its error is above')
    result, self.peak = json.loads(line)
    return result


@contextlib.contextmanager
def sides(torch, **game):
  """Both processes with one game: JAX's and PyTorch's."""
  with contextlib.ExitStack() as stack:
    yield tuple(
        stack.enter_context(contextlib.closing(Side(python, module, game)))
        for python, module in ((sys.executable, 'bench.jax_search'),
                               (torch, 'bench.torch_search')))


def check(torch, name, threads):
  """Rows (quantity, largest difference), relative to its largest value."""
  small = {'search': name, 'widths': (8, 8), 'batch': 4, 'noise': False}
  with (sides(torch, threads=threads, **small) as (jax, other),
        tempfile.TemporaryDirectory() as folder):
    given, *results = (str(pathlib.Path(folder) / f'{part}.npz')
                       for part in ('given', 'jax', 'torch'))
    jax.ask('compare', given, results[0])
    other.ask('compare', given, results[1])
    ours, theirs = (dict(np.load(path)) for path in results)
  if ours.keys() != theirs.keys():
    raise RuntimeError(f'{name}: only one side has '
                       f'{sorted(ours.keys() ^ theirs.keys())}')
  groups = {}
  for key in ours:
    group = groups.setdefault('/'.join(key.split('/')[:2]), [])
    group.append((np.abs(ours[key] - theirs[key]).max(),
                  np.abs(theirs[key]).max()))
  return [(group, *np.max(found, 0)) for group, found in groups.items()]


def measure(torch, name, threads, rounds, batch):
  """Times alternating steps.

  Returns:
    {phase: (seconds of JAX, seconds of PyTorch)}, each a list, seconds that
    JAX compiled, and the most MiB of both.
  """
  game = dict(GAMES[name], noise=True)
  game['batch'] = batch or game['batch']
  times = {}
  with sides(torch, search=name, threads=threads, **game) as both:
    compiling = both[0].ask('compile')
    for side in both:
      side.ask('step')  # what is set up by the first is not timed
    for _ in range(rounds):
      for i, side in enumerate(both):
        for phase, seconds in side.ask('step').items():
          times.setdefault(phase, ([], []))[i].append(seconds)
    return times, compiling, [side.peak for side in both]


def main(options):
  """Prints a table in Markdown; returns whether a check was passed."""
  say = lambda text: (sys.stdout.write(text + '\n'), sys.stdout.flush())
  cores = sorted(os.sched_getaffinity(0))[:options.threads]
  os.sched_setaffinity(0, cores)  # and of the processes begun from here
  chosen = options.search or [*GAMES]
  if options.check:
    say('| search: quantity | largest | difference | |\n|---|---|---|---|')
    right = True
    for name in chosen:
      for what, off, size in check(options.torch, name, len(cores)):
        fine = bool(off <= ALLOWED * size)  # NaN is not
        right &= fine
        say(f'| {name}: {what} | {size:.3g} | {off:.1e} '
            f'| {"" if fine else "WRONG"} |')
    return right
  say(f'{len(cores)} cores; medians (least) of {options.rounds} alternating '
      'rounds\n')
  say('| search, batch: phase | JAX, s | PyTorch, s | JAX/PyTorch |')
  say('|---|---|---|---|')
  notes = []
  for name in chosen:
    times, compiling, peaks = measure(options.torch, name, len(cores),
                                      options.rounds, options.batch)
    for phase, both in times.items():
      middle = [statistics.median(seconds) for seconds in both]
      cells = ' | '.join(f'{m:.3g} ({min(seconds):.3g})'
                         for m, seconds in zip(middle, both))
      say(f'| {name}, {options.batch or GAMES[name]["batch"]}: {phase} '
          f'| {cells} | {middle[0] / middle[1]:.2f} |')
    notes.append(f'{name}: compiling took {compiling:.1f} s; peak memory '
                 f'{peaks[0]:,.0f} MiB with JAX, {peaks[1]:,.0f} with PyTorch')
  say('\n' + '\n'.join(notes))
  return True


def parse(arguments):
  """The command line."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('search', nargs='*', help=', '.join(GAMES))
  parser.add_argument('--torch', default='.venv-bench/bin/python',
                      help='a Python that has PyTorch')
  parser.add_argument('--check', action='store_true',
                      help='compare numbers instead of times')
  parser.add_argument('--rounds', type=int, default=5)
  parser.add_argument('--threads', type=int, default=os.cpu_count(),
                      help='cores for both sides')
  parser.add_argument('--batch', type=int, default=0,
                      help='real images of an update, if other than usual')
  options = parser.parse_args(arguments)
  for name in options.search:
    if name not in GAMES:
      parser.error(f"no search '{name}': {', '.join(GAMES)}")
  return options


if __name__ == '__main__':
  sys.exit(0 if main(parse(sys.argv[1:])) else 1)
