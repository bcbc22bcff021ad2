"""The verb `report`: trained generators side by side.

Sizes, work, scores and measured latency of several runs, as in table 2 of
Pulakurthi et al. (2024).
"""
import contextlib
import json
import pathlib
import platform
from typing import Any, NamedTuple

import jax

from jgan import build, describe, latency, protocol
from jgan import config as configs
from jgan.checkpoint import Checkpoints
from jgan.errors import UserError
from jgan.report import tradeoff
from jgan.types import Method, Network
from jgan.workdir import checkpoints, recorded_config, write_text

BATCHES = 1, 64  # images made by one measured call


class Run(NamedTuple):
  """The generator of one workdir.

  Attributes:
    name: what to call it.
    method: Method.
    net: the averaged generator, a Network.
    step: of its checkpoint.
    best: the metric by which that is the best one; '' where it is the newest.
    size: 'params', 'mb', 'macs', 'macs_thop', as `describe` counts them.
    scores: records of evaluation.record at that step, oldest first.
  """
  name: str
  method: Method
  net: Network
  step: int
  best: str
  size: dict[str, Any]
  scores: list


def run(folders, out=''):
  """Compares the generators of several workdirs.

  From each, the averaged generator of the best checkpoint by its
  config.checkpoint.best, or of the newest where that is not set. Scores are
  those that were recorded at that very step.

  Args:
    folders: workdirs; the others are compared with the first.
    out: a folder for report.md (the returned text), report.json (all numbers,
      unrounded) and, where there are scores, tradeoff.png; '' for none.

  Returns:
    Text: tables, as GitHub reads them.

  Raises:
    UserError: no folders, one of them twice, one without a checkpoint, or
      `out` cannot be written.
  """
  runs = [load(folder, name) for folder, name in zip(folders, names(folders))]
  columns = score_columns({r.name: r.scores for r in runs})
  times = {b: latency.measure({r.name: _call(r, b) for r in runs})
           for b in BATCHES}
  device = jax.devices()[0]
  where = f'{device.device_kind} of {platform.node()}'
  text = '\n'.join([*_sizes(runs, times, where), '', *_scores(runs, columns)])
  if not out:
    return text + '\n'
  found = {
      'device': where, 'first': runs[0].name,
      'runs': {r.name: {
          'workdir': str(folder), 'step': r.step, 'best': r.best,
          **r.size, 'params_1e6': millions(r.size['params']),
          'latency': {b: times[b][r.name] for b in BATCHES},
          'ratios': ratios(runs[0], r, times),
          'scores': r.scores} for folder, r in zip(folders, runs)},
      'columns': columns}
  plots = {column['title']: {
      r.name: (r.size['params'], cell['value'],
               cell['identity'] == column['identity'])
      for r in runs if (cell := column['cells'].get(r.name))}
           for column in columns}
  folder = pathlib.Path(out)
  try:
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / 'report.md', text + '\n')
    write_text(folder / 'report.json', json.dumps(found, indent=2) + '\n')
    written = [folder / 'report.md', folder / 'report.json']
    if plots:
      written.append(folder / 'tradeoff.png')
      tradeoff.draw(written[-1], plots)
  except OSError as error:
    raise UserError(f'cannot write to --out={out}: {error}') from error
  return '\n'.join([text, '', *map(str, written), ''])


def names(folders):
  """What to call runs: the last part of their paths, if that tells them apart.

  Raises:
    UserError: there are none, or one of them is given twice.
  """
  paths = [pathlib.Path(folder) for folder in folders]
  if not paths:
    raise UserError('no runs to compare: --runs=A,B with two workdirs would be '
                    'right')
  for i, path in enumerate(paths):
    if path in paths[:i]:
      raise UserError(f'--runs names {path} twice: each of the {len(paths)} '
                      'should be another workdir')
  short = [path.name for path in paths]
  return short if len({*short}) == len(short) else [*map(str, paths)]


def load(folder, name):
  """The Run of a workdir.

  Raises:
    UserError: no run is there, or none of its checkpoints can be read.
  """
  recorded = recorded_config(folder)
  if not recorded:
    raise UserError(f'no run in {folder}: a workdir, with config.json and '
                    'checkpoints/, would be right')
  if not checkpoints(folder).is_dir():
    raise UserError(f'no checkpoints in {folder}: train that run first, by '
                    '--mode=train')
  config = configs.from_record(recorded)
  method = build.method(config)
  like = build.abstract(config, method)
  best = config.checkpoint.best
  with contextlib.closing(
      Checkpoints(checkpoints(folder), read_only=True)) as saved:
    state = saved.choose(like, best=bool(best))
  described = json.loads(describe.run(config, as_json=True))['generator']
  size = {k: v for k, v in described.items() if k != 'layers'}
  step = int(state.step)
  return Run(name, method, state.ema, step, best, size, recorded_scores(
      folder, step))


def recorded_scores(folder, step):
  """What a workdir records of the averaged generator at a step, oldest first.

  Both while it was trained and by `evaluate`, which came later.
  """
  records = []
  for name in ('evaluations.jsonl', 'scores.jsonl'):
    file = pathlib.Path(folder) / name
    if file.exists():
      lines = file.read_text().splitlines(keepends=True)
      records += [json.loads(x) for x in lines if x.endswith('\n')]
  return [r for r in records if r['step'] == step
          and r['protocol']['generator'] == 'average']


def score_columns(scores):
  """Puts what may be compared into one column.

  Scores share a column by label and protocol. Each column has the identity
  (protocol.py) that most runs share; where a run has none of that, its latest
  score stands there with its own identity.

  Args:
    scores: {run: records, oldest first}.

  Returns:
    List of {'title', 'protocol', 'identity', 'stamp', 'cells': {run:
    {'value', 'identity', 'stamp'}}}, by title.
  """
  found = {}
  for run, records in scores.items():
    for record in reversed(records):
      for label, value in record['values'].items():
        cells = found.setdefault((label, record['protocol']['protocol']), {})
        cells.setdefault(run, {}).setdefault(record['identity'], {
            'value': value, 'identity': record['identity'],
            'stamp': record['protocol']})
  labels = [label for label, _ in found]
  columns = []
  for (label, kind), cells in sorted(found.items()):
    counts = {}
    for identity in (i for latest in cells.values() for i in latest):
      counts[identity] = counts.get(identity, 0) + 1
    shared = max(counts, key=counts.get)  # of equals, that of the first run
    chosen = {run: latest.get(shared, next(iter(latest.values())))
              for run, latest in cells.items()}
    columns.append({
        'title': f'{label} ({kind})' if labels.count(label) > 1 else label,
        'protocol': kind, 'identity': shared,
        'stamp': next(c['stamp'] for c in chosen.values()
                      if c['identity'] == shared),
        'cells': chosen})
  return columns


def millions(params):
  """10^6 parameters, cut to two decimals: what the paper calls 'Size (MB)'."""
  return params // 10**4 / 100


def ratios(first, other, times):
  """How many times smaller and faster than the first: {quantity: ratio}."""
  return {
      **{k: first.size[k] / other.size[k]
         for k in ('params', 'macs', 'macs_thop')},
      **{f'latency_{b}': taken[first.name] / taken[other.name]
         for b, taken in times.items()}}


def _call(run, batch):
  z = jax.random.normal(jax.random.key(0), (batch, run.method.latent))
  return run.method.sample, (run.net, z)


def _sizes(runs, times, where):
  """Lines: the table of sizes, work and latency, and what it means."""
  rows = [['run', 'checkpoint', 'parameters', 'MB', 'millions', 'MACs',
           'MACs (thop)', *(f'ms, batch {b}' for b in times)]]
  for r in runs:
    ratio = ratios(runs[0], r, times)
    rows.append([
        r.name, f'{r.step:,}' + (f', best {r.best}' if r.best else ''),
        f'{r.size["params"]:,} ({ratio["params"]:.2f}x)',
        f'{r.size["mb"]:.2f}', f'{millions(r.size["params"]):.2f}',
        f'{r.size["macs"]:,} ({ratio["macs"]:.2f}x)',
        f'{r.size["macs_thop"]:,}',
        *(f'{1e3 * taken[r.name]:.2f} ({ratio[f"latency_{b}"]:.2f}x)'
          for b, taken in times.items())])
  return [
      *_table(rows), '',
      f'In brackets: how many times smaller or faster than {runs[0].name}. MB: '
      'of the parameters in float32. Millions: of parameters, cut to two '
      'decimals. MACs: of one image. ms: median time to make a batch on '
      f'{where}, all runs in turns.']


def _scores(runs, columns):
  """Lines: the table of scores, and what keeps them from being compared."""
  if not columns:
    return ['No scores: none of the runs was evaluated at its checkpoint.']
  rows = [['run', *(c['title'] for c in columns)]]
  notes = {}
  for r in runs:
    row = [r.name]
    for column in columns:
      cell = column['cells'].get(r.name)
      mark = ''
      if cell and cell['identity'] != column['identity']:
        apart = '; '.join(protocol.differences(column['stamp'], cell['stamp']))
        note = f'{column["identity"]} -> {cell["identity"]}: {apart}'
        mark = f' [{notes.setdefault(note, len(notes) + 1)}]'
      row.append(f'{cell["value"]:.6g}{mark}' if cell else '-')
    rows.append(row)
  lines = _table(rows)
  if any('-' in row for row in rows):
    lines += ['', '-: not scored at that checkpoint.']
  for identity, kind in {c['identity']: c['protocol'] for c in columns}.items():
    titles = [c['title'] for c in columns if c['identity'] == identity]
    lines += ['', f'{", ".join(titles)}: protocol {kind}, identity {identity}.']
  for note, i in notes.items():
    lines += ['', f'[{i}] made under another protocol, not to be compared with '
              f'the rest of the column: {note}.']
  return lines


def _table(rows):
  """Lines of a GitHub table, aligned to be read as text too."""
  widths = [max(map(len, column)) for column in zip(*rows)]
  pad = lambda row: '| ' + ' | '.join(
      [row[0].ljust(widths[0]),
       *(x.rjust(w) for x, w in zip(row[1:], widths[1:]))]) + ' |'
  rule = '|'.join(['', '-' * (widths[0] + 2),
                   *('-' * (w + 1) + ':' for w in widths[1:]), ''])
  return [pad(rows[0]), rule, *map(pad, rows[1:])]
