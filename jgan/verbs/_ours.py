"""What recorded runs reached, by the config that they have.

A run belongs to a row if its config is that of the row, but for keys that
change nothing of what is trained and scored, and for the seed.
"""
import pathlib
from typing import NamedTuple

import numpy as np

from jgan import config as configs
from jgan.errors import UserError
from jgan.score import labels, record
from jgan.workdir import records

_FREE = ('seed', 'seeds', 'parallel', 'platform', 'devices', 'steps_per_call',
         'log', 'samples', 'profile', 'checkpoint', 'search', 'compress')
_FREE_OF_EVAL = ('batch', 'overlap', 'weights', 'every', 'first')


class Result(NamedTuple):
  """The best scored checkpoint of one run.

  Attributes:
    key: what its config has in common with the config of a row.
    seed: of the run.
    step: of the checkpoint.
    values: {label: value} of its scores.
  """
  key: str
  seed: int
  step: int
  values: dict


def key(config):
  """The part of a completed config by which runs and rows are matched."""
  plain = {k: v for k, v in configs.plain(config).items() if k not in _FREE}
  plain['eval'] = {k: v for k, v in plain['eval'].items()
                   if k not in _FREE_OF_EVAL}
  return repr(plain)


def gather(places):
  """The results in workdirs, and in folders of workdirs: list of Result.

  Raises:
    UserError: a place has no run.
  """
  results = []
  for place in places:
    folder = pathlib.Path(place)
    files = sorted(folder.rglob('config.json'))
    if not files:
      raise UserError(f'no run in {folder}: a workdir, or a folder of some, '
                      'would be right')
    for file in files:
      result = _of_run(file.parent)
      results += [result] if result else []
  return results


def _of_run(folder):
  """The Result of a workdir; None if it was not scored to its end."""
  config = configs.from_record(configs.recorded(folder))
  history = record.of_average(folder)
  label = config.checkpoint.best.removeprefix('eval/')
  scored = [r for r in history if label in r['values']]
  done = [*records(folder / 'timing.jsonl', 'step'), *scored]
  if not scored or max(r['step'] for r in done) < config.steps:
    return None
  better = labels.better(label)
  best = min(record.comparable(scored, label),
             key=lambda r: labels.cost(r['values'][label], better))
  return Result(key(config), config.seed, best['step'], best['values'])


def text(results):
  """'FID 6.1 ± .5, IS 9.6 ± .1 (3 seeds)' of results of one row."""
  names = {'FID': 'FID', 'inception_score-inception': 'IS'}
  shown = []
  for label in sorted(results[0].values):
    values = [r.values[label] for r in results if label in r.values]
    if label in names or label.startswith('FD'):
      spread = f' ± {np.std(values, ddof=1):.2f}' if len(values) > 1 else ''
      shown.append(f'{names.get(label, label)} {np.mean(values):.2f}{spread}')
  seeds = len({r.seed for r in results})
  return f'{", ".join(shown)} ({seeds} seed{"s" * (seeds > 1)})'
