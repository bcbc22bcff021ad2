"""What became of runs that differ in their seeds.

WORKDIR/seeds.md and seeds.json have the last and the best scores of each run,
their means and standard deviations. WORKDIR/seed_N/stopped.txt says why a run
did not reach its end.
"""
import json
import logging

import numpy as np

from jgan.report import table
from jgan.run import logbook
from jgan.score import labels
from jgan.workdir import write_text

log = logging.getLogger(__name__)


def note(folder, why):
  """Records why the run of a folder stopped."""
  write_text(folder / 'stopped.txt', why + '\n')


def forget(folder):
  """Removes that record."""
  (folder / 'stopped.txt').unlink(missing_ok=True)


def why_stopped(folder):
  """Why the run of a folder stopped; '' if it did not."""
  file = folder / 'stopped.txt'
  return file.read_text(encoding='utf-8').strip() if file.exists() else ''


def write(folder, runs):
  """Writes seeds.md and seeds.json, and logs the means.

  Args:
    folder: Path of the folder that has the runs.
    runs: {folder of a run: its config}.

  Returns:
    Text: the table.
  """
  told = {run.name: {'seed': config.seed, 'stopped': why_stopped(run),
                     **course(run)} for run, config in runs.items()}
  moments = _moments(told)
  text = _text(told, moments)
  write_text(folder / 'seeds.md', text)
  write_text(folder / 'seeds.json', json.dumps(
      {'runs': told, 'moments': moments}, indent=2) + '\n')
  for name, each in moments.items():
    for which, x in each.items():
      log.info('%s, %s: %.6g +- %.3g, mean and deviation of %d seeds', name,
               which, x['mean'], x['std'], x['count'])
  return text


def _moments(told):
  """{score: {'last', 'best': moments}} of the runs that did not stop."""
  ended = [each['scores'] for each in told.values() if not each['stopped']]
  names = dict.fromkeys(name for each in told.values()
                        for name in each['scores'])
  moments = {name: {which: moments_of([
      scores[name][which] for scores in ended
      if which in scores.get(name, {})]) for which in ('last', 'best')}
             for name in names}
  return {name: {which: x for which, x in each.items() if x}
          for name, each in moments.items()}


def _text(told, moments):
  """A table of the runs and their means, and why runs stopped."""
  columns = [(name, which) for name in moments for which in ('last', 'best')
             if any(which in each['scores'].get(name, {})
                    for each in told.values())]
  rows = [['run', 'step', *(f'{name}, {which}' for name, which in columns)]]
  for name, each in told.items():
    cells = (each['scores'].get(score, {}).get(which)
             for score, which in columns)
    rows.append([name + (' (stopped)' if each['stopped'] else ''),
                 f'{each["step"]:,}',
                 *('-' if x is None else f'{x:.6g}' for x in cells)])
  means = [moments[name].get(which) for name, which in columns]
  ended = sum(not each['stopped'] for each in told.values())
  rows.append([f'mean +- std of {ended}', '', *(
      f'{x["mean"]:.6g} +- {x["std"]:.3g}' if x else '-' for x in means)])
  lines = table.lines(rows)
  if not columns:
    lines += ['', 'No scores: config.eval says of none.']
  for name, each in told.items():
    if each['stopped']:
      lines += ['', f'{name} stopped: {each["stopped"]}']
  return '\n'.join([*lines, ''])


def course(run):
  """{'step', 'scores': {label: {'last', 'best'}}} of the folder of a run."""
  records = logbook.read(run)
  curves = {}
  for record in records:
    for name, value in record.items():
      if name.startswith('eval/'):
        curves.setdefault(name.removeprefix('eval/'), []).append(value)
  scores = {}
  for name, curve in curves.items():
    scores[name] = {'last': curve[-1]}
    better = labels.better(name)
    if better != 'neither':
      scores[name]['best'] = min(curve, key=lambda value, better=better:
                                 labels.cost(value, better))
  return {'step': records[-1]['step'] if records else 0, 'scores': scores}


def moments_of(values):
  """{'mean', 'std', 'count'} of numbers; {} of none."""
  if not values:
    return {}
  std = np.std(values, ddof=1) if len(values) > 1 else 0.
  return {'mean': float(np.mean(values)), 'std': float(std),
          'count': len(values)}
