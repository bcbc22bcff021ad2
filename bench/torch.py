"""Training steps of jgan beside the same in PyTorch.

  make bench                                       all rows
  python -m bench.torch --torch PYTHON dcgan-64    some of them
  python -m bench.torch --check                    the same arithmetic?

Whole steps (bench/rows.py). Each side is a process of its own that stays warm,
on the same cores; their turns alternate, and the ratio is the median of the
pairs' ratios: PyTorch's time by jgan's, above 1 where jgan is faster. PyTorch
is eager with channels last, and with --compile also by torch.compile: then the
faster of the two counts.
"""
import argparse
import contextlib
import json
import os
import pathlib
import select
import shutil
import statistics
import subprocess
import sys
import tempfile

import jax
import numpy as np

from bench import rows

# What the check allows, relative to the largest value. The second step is that
# after an Adam whose first update is the sign of a gradient, of rounding too.
ALLOWED, ALLOWED_SECOND = 1e-3, 1e-2
ROUNDING = 2.**-20  # of the largest logit: a loss may be their mean, near 0
LEAST = .5  # seconds of a turn
COMPILING = 180  # seconds that torch.compile may take
# Where jgan has fewer MACs than the same network layer by layer, why.
FEWER = {'adversarial_nas search': 'kernels of an edge are summed first',
         'alphagan search': 'kernels of an edge are summed first'}


class Side:
  """A process that holds a game (bench/worker.py)."""

  def __init__(self, python, module, game):
    self._process = subprocess.Popen(
        [python, '-m', module, json.dumps(game)], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    self._module = module
    self._read()

  def ask(self, method, *arguments, limit=None):
    """What the game's method returns; limit: seconds, if any."""
    self._process.stdin.write(json.dumps([method, *arguments]) + '\n')
    self._process.stdin.flush()
    if limit and not select.select([self._process.stdout], [], [], limit)[0]:
      self._process.kill()
      raise RuntimeError(f'{method} took more than {limit} s')
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
def sides(options, name, small=False):
  """The processes with one row: jgan's, PyTorch's, and that compiled."""
  times = rows.ACCELERATED if options.accelerated else 1
  config = rows.config(name, times=times, small=small)
  theirs = {'config': rows.plain(config), 'cycle': rows.cycle(config),
            'threads': options.threads, 'accelerated': options.accelerated}
  wanted = [(sys.executable, 'bench.jgan_game',
             {'row': name, 'times': times, 'small': small})]
  for compiled in (False, True)[:1 + (options.compile and not small)]:
    wanted.append((options.torch, 'bench.pytorch.main',
                   {**theirs, 'compiled': compiled}))
  with contextlib.ExitStack() as stack:
    yield [stack.enter_context(contextlib.closing(Side(*each)))
           for each in wanted]


def check(options, name):
  """Rows (quantity, largest difference, largest value, difference allowed)."""
  with (sides(options, name, small=True) as (first, second),
        tempfile.TemporaryDirectory() as folder):
    given, *results = (str(pathlib.Path(folder) / f'{part}.npz')
                       for part in ('given', 'jgan', 'torch'))
    first.ask('compare', given, results[0])
    second.ask('compare', given, results[1])
    ours, theirs = (dict(np.load(path)) for path in results)
  # jgan logs more of a step than losses.
  only = {key for key in ours.keys() ^ theirs.keys()
          if key in theirs or not key.startswith('step/')}
  if only:
    raise RuntimeError(f'{name}: only one side has {sorted(only)}')
  groups = {}
  for key, value in theirs.items():
    steps = key.startswith('step/')
    group = key if steps else '/'.join(key.split('/')[:2])
    groups.setdefault(group, []).append(
        (np.abs(ours[key] - value).max(), np.abs(value).max()))
  table, logits = [], np.abs(theirs['logits']).max()
  for group, found in groups.items():
    off, size = np.max(found, 0)
    share = ALLOWED_SECOND if group.startswith('step/1/') else ALLOWED
    table.append((group, off, size, share * size
                  + ROUNDING * logits * group.endswith('/loss')))
  return table


def measure(options, name):
  """Times alternating turns: the row of the table, as --json has it."""
  batch = rows.ROWS[name][1] * (
      rows.ACCELERATED if options.accelerated else 1)
  with sides(options, name) as (ours, *others):
    (count, macs), theirs = ours.ask('size'), others[0].ask('size')
    row = {'name': name, 'batch': batch, 'params': count,
           'params_equal': count == theirs[0], 'macs': macs,
           'macs_equal': macs == theirs[1], 'torch_macs': theirs[1]}
    require_equal(row)
    row['jgan_compile_s'] = ours.ask('compile')
    for side in (ours, others[0]):
      side.ask('turn', 1)  # what it sets up is not timed
    for side in others[1:]:
      try:
        row['torch_compile_s'] = side.ask('turn', 1, limit=COMPILING)
      except RuntimeError as error:
        row['torch_compile'] = f'none: {error}'
        others.remove(side)
    steps = max(1, round(LEAST / ours.ask('turn', 1)))
    turns = [[side.ask('turn', steps) for side in (ours, *others)]
             for _ in range(options.pairs)]
    ratios = [[turn[i] / turn[0] for turn in turns]
              for i in range(1, len(others) + 1)]
    best = min(range(len(others)), key=lambda i: statistics.median(ratios[i]))
    milliseconds, least = (
        [1000. * of(side) for side in zip(*turns)]
        for of in (statistics.median, min))
    row |= {'ratio': statistics.median(ratios[best]),
            'least': min(ratios[best]), 'most': max(ratios[best]),
            'pairs': options.pairs, 'steps': steps,
            'jgan_ms': milliseconds[0], 'torch_ms': milliseconds[1 + best],
            'jgan_least_ms': least[0], 'torch_least_ms': least[1 + best],
            'torch': ('eager', 'compile')[best], 'jgan_mib': ours.peak,
            'torch_mib': others[best].peak}
    if options.parts:
      row['parts'] = {
          part: side.ask('parts', 3) for part, side in
          (('jgan_s', ours), ('torch_s', others[best]))}
  return row


def require_equal(row):
  """Refuses to compare different networks."""
  fewer = (row['name'] in FEWER
           and all(row['macs'][k] <= row['torch_macs'][k] for k in row['macs']))
  if not row['params_equal'] or not (row['macs_equal'] or fewer):
    raise RuntimeError(f"{row['name']}: the sides differ: {row}")


def main(options):
  """Prints a table in Markdown; returns whether all rows are there, or right.
  """
  say = lambda text: (sys.stdout.write(text + '\n'), sys.stdout.flush())
  cores = sorted(os.sched_getaffinity(0))[:options.threads]
  options.threads = len(cores)
  os.sched_setaffinity(0, cores)  # and of the processes begun from here
  if not options.accelerated:
    os.environ['JAX_PLATFORMS'] = 'cpu'
  os.environ['XLA_PYTHON_CLIENT_PREALLOCATE'] = 'false'  # they share a GPU
  versions = version_of(options.torch)
  if options.check:
    say('| row: quantity | largest | difference | |\n|---|---|---|---|')
    right = True
    for name in options.rows:
      for what, off, size, allowed in check(options, name):
        fine = bool(off <= allowed)  # NaN is not
        right &= fine
        say(f'| {name}: {what} | {size:.3g} | {off:.1e} '
            f'| {"" if fine else "WRONG"} |')
    return right
  say(f'{len(cores)} cores, {versions}; medians of {options.pairs} '
      'alternating pairs\n')
  say('| row, batch | ratio (least, most) | jgan ms | PyTorch ms '
      '| parameters | GMACs of G, D | compile s | peak MiB, jgan / PyTorch |')
  say('|---|--:|--:|--:|--:|--:|--:|--:|')
  table, failed = [], {}
  for name in options.rows:
    try:
      table.append(row := measure(options, name))
    except RuntimeError as error:
      failed[name] = error
      continue
    macs = ', '.join(f'{row["macs"][player] / 1e9:.3g}'
                     for player in ('gen', 'disc'))
    say(f'| {name}, {row["batch"]} | {row["ratio"]:.2f} '
        f'({row["least"]:.2f}, {row["most"]:.2f}) | {row["jgan_ms"]:,.0f} '
        f'| {row["torch_ms"]:,.0f} | {row["params"]:,} | {macs} '
        f'| {row["jgan_compile_s"]:.0f} '
        f'| {row["jgan_mib"]:,.0f} / {row["torch_mib"]:,.0f} |')
    if options.json:
      pathlib.Path(options.json).write_text(json.dumps(table, indent=1) + '\n')
  if table:
    mean = statistics.geometric_mean(row['ratio'] for row in table)
    say(f'\ngeometric mean of the ratios: {mean:.2f}')
  for row in table:
    if not row['macs_equal']:
      say(f'{row["name"]}: jgan has fewer MACs, {FEWER[row["name"]]}')
    if 'torch_compile' in row:
      say(f'{row["name"]}: torch.compile, {row["torch_compile"]}')
  for name, error in failed.items():
    say(f'{name}: failed, {error}')
  return not failed


def version_of(python):
  """'jax ..., PyTorch ...'; exits where that Python has no PyTorch."""
  asked = subprocess.run([python, '-c', 'import torch; '
                          'print(torch.__version__)'], text=True,
                         capture_output=True) if shutil.which(python) else None
  if not asked or asked.returncode:
    sys.exit(f'{python} has no PyTorch: `make .venv-bench/.done` makes one '
             'that has, or `pip install -r bench/requirements-torch.txt` into '
             'the environment of --torch')
  return f'jax {jax.__version__}, PyTorch {asked.stdout.strip()}'


def parse(arguments):
  """The command line."""
  parser = argparse.ArgumentParser(prog='python -m bench.torch',
                                   description=__doc__.splitlines()[0])
  parser.add_argument('rows', nargs='*', metavar='NAME',
                      help=f'beginnings of {", ".join(rows.ROWS)}')
  parser.add_argument('--torch', default='.venv-bench/bin/python',
                      help='a Python that has PyTorch')
  parser.add_argument('--json', help='a file for the rows')
  parser.add_argument('--check', action='store_true',
                      help='compare values instead of times')
  parser.add_argument('--compile', action='store_true',
                      help='time torch.compile too')
  parser.add_argument('--parts', action='store_true',
                      help='time the gradients of a step too')
  parser.add_argument('--pairs', type=int, default=7)
  parser.add_argument('--threads', type=int, default=os.cpu_count(),
                      help='cores for both sides')
  parser.add_argument('--accelerated', action='store_true',
                      help='on a GPU, in larger batches')
  options = parser.parse_args(arguments)
  unknown = [name for name in options.rows
             if not any(row.startswith(name) for row in rows.ROWS)]
  if unknown:
    parser.error(f"no row '{unknown[0]}': {', '.join(rows.ROWS)}")
  if options.pairs < 1 or options.threads < 1:
    parser.error(f'--pairs={options.pairs} --threads={options.threads}: at '
                 'least one of each')
  if options.json:
    try:
      with open(options.json, 'a'):
        pass  # it can be written
    except OSError as error:
      parser.error(f'--json={options.json}: {error}')
  options.rows = [row for row in rows.ROWS if not options.rows
                  or any(row.startswith(name) for name in options.rows)]
  return options


if __name__ == '__main__':
  sys.exit(0 if main(parse(sys.argv[1:])) else 1)
