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
import numpy as np
from ml_collections import ConfigDict

from jgan import build, protocol
from jgan import config as configs
from jgan.errors import UserError
from jgan.metrics import spectrum, spectrum_bands
from jgan.report import bands, spectra, tradeoff
from jgan.run import timing
from jgan.run.checkpoint import Checkpoints
from jgan.run.cost import Cost
from jgan.score import breaks, latency, samples
from jgan.types import Method, Network
from jgan.verbs import describe
from jgan.workdir import checkpoints, recorded_config, write_text

BATCHES = 1, 64  # images made by one measured call
_IMAGES = 1000  # of each generator, and real ones, behind the mean spectra


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
    history: the same at all steps.
    config: completed.
    cost: what training up to the checkpoint took: {'total', 'phases'} of
      cost.py, and the 'seconds' of all sessions where they were recorded.
  """
  name: str
  method: Method
  net: Network
  step: int
  best: str
  size: dict[str, Any]
  scores: list
  history: list = ()
  config: ConfigDict | None = None
  cost: dict[str, Any] | None = None


def write(folders, out='', *, mean_spectra=False, data_dir=''):
  """Compares the generators of several workdirs.

  From each, the averaged generator of the best checkpoint by its
  config.checkpoint.best, or of the newest where that is not set. Scores are
  those that were recorded at that very step.

  Args:
    folders: workdirs; the others are compared with the first.
    out: a folder for report.md (the returned text), report.json (all numbers,
      unrounded) and, where there are scores, tradeoff.png, and of the metric
      'spectrum_bands' bands.png; '' for none.
    mean_spectra: draw there spectra.png too, of images that are made for it.
    data_dir: where the real images for that stand.

  Returns:
    Text: tables, as GitHub reads them.

  Raises:
    UserError: no folders, one of them twice, one without a checkpoint, or
      `out` cannot be written; for spectra, no `out` or several data sets.
  """
  if mean_spectra and not out:
    raise UserError('spectra are a picture: --out=FOLDER would be right')
  runs = [load(folder, name) for folder, name in zip(folders, names(folders))]
  columns = score_columns({r.name: r.scores for r in runs})
  times = {b: latency.measure({r.name: _call(r, b) for r in runs})
           for b in BATCHES}
  device = jax.devices()[0]
  where = f'{device.device_kind} of {platform.node()}'
  courses = {r.name: found for r in runs if (found := course(r))}
  text = '\n'.join([*_sizes(runs, times, where), '', *_scores(runs, columns),
                    *_costs(runs), *_courses(runs, courses)])
  if not out:
    return text + '\n'
  found = {
      'device': where, 'first': runs[0].name,
      'runs': {r.name: {
          'workdir': str(folder), 'step': r.step, 'best': r.best,
          **r.size, 'params_1e6': millions(r.size['params']),
          'latency': {b: times[b][r.name] for b in BATCHES},
          'ratios': ratios(runs[0], r, times),
          'scores': r.scores, 'cost': r.cost}
               for folder, r in zip(folders, runs)},
      'columns': columns, 'courses': courses}
  plots = {column['title']: {
      r.name: (r.size['params'], cell['value'],
               cell['identity'] == column['identity'])
      for r in runs if (cell := column['cells'].get(r.name))}
           for column in columns}
  evolutions = {r.name: evolution(r.history) for r in runs}
  evolutions = {name: found for name, found in evolutions.items() if found}
  folder = pathlib.Path(out)
  try:
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / 'report.md', text + '\n')
    write_text(folder / 'report.json', json.dumps(found, indent=2) + '\n')
    written = [folder / 'report.md', folder / 'report.json']
    if plots:
      written.append(folder / 'tradeoff.png')
      tradeoff.draw(written[-1], plots)
    if evolutions:
      written.append(folder / 'bands.png')
      bands.draw(written[-1], evolutions)
    if mean_spectra:
      written.append(folder / 'spectra.png')
      spectra.draw(written[-1], profiles(runs, data_dir))
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
      folder, step), recorded_scores(folder), config,
             trained(folder, config, step))


def trained(folder, config, step):
  """Run.cost of the checkpoint of a workdir."""
  cost = Cost(config)
  seconds = [r['training'] for r in timing.read(folder) if r['step'] == step]
  return {'total': cost.total(step), 'phases': cost.phases(step),
          **({'seconds': seconds[-1]} if seconds else {})}


def recorded_scores(folder, step=None):
  """What a workdir records of the averaged generator at a step, oldest first.

  Both while it was trained and by `evaluate`, which came later. step: None for
  all of them.
  """
  records = []
  for name in ('evaluations.jsonl', 'scores.jsonl'):
    file = pathlib.Path(folder) / name
    if file.exists():
      lines = file.read_text().splitlines(keepends=True)
      records += [json.loads(x) for x in lines if x.endswith('\n')]
  return [r for r in records if step in (None, r['step'])
          and r['protocol']['generator'] == 'average']


def curve(history, label):
  """A score over the steps, {step: value}, of one protocol.

  Of the identity that most of its records have; a later one counts.
  """
  found = [r for r in history if label in r['values']]
  identities = [r['identity'] for r in found]
  usual = max(identities, key=identities.count, default='')
  return {r['step']: r['values'][label]
          for r in sorted(found, key=lambda r: r['step'])
          if r['identity'] == usual}


def course(run):
  """How the score went by which a run's best checkpoint is chosen.

  Returns:
    {'score', 'curve', 'min', 'final', 'max_late', 'breaks'}, see breaks.py, or
    None where that score is not chosen or was not taken several times.
  """
  label = run.best.removeprefix('eval/')
  points = curve(run.history, label)
  if len(points) < 2:
    return None
  return {'score': label, 'curve': points, **breaks.summary(points)}


def evolution(history):
  """The metric spectrum_bands over the steps: {band: {step: ratio}}, or {}."""
  found = {band: curve(history, f'spectrum_bands-{band}')
           for band in spectrum_bands.BANDS}
  return found if all(found.values()) else {}


def profiles(runs, data_dir):
  """Spectra of the real images and of each run's: {name: [n, bins]}.

  Raises:
    UserError: the runs were trained on several data sets.
  """
  first = runs[0].config
  for r in runs:
    if r.config.data != first.data:
      apart = configs.differences(first.data.to_dict(), r.config.data.to_dict())
      raise UserError(f'{runs[0].name} and {r.name} were trained on different '
                      f'images ({"; ".join(apart)}): their spectra are not to '
                      'be compared; give runs on one data set')
  source = build.source(first, data_dir)
  found = {'real': spectrum.profiles(
      samples.reals(source, _IMAGES, first.seed))}
  for r in runs:
    fake = samples.fakes(jax.jit(r.method.sample), r.net, _IMAGES,
                         r.config.eval.batch, r.method.latent,
                         r.config.seed + 2, source.dtype)
    found[r.name] = spectrum.profiles(np.concatenate([*fake]))
  return found


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


def _costs(runs):
  """Lines: what training up to the checkpoint took; [] if none is known."""
  if not any(r.cost for r in runs):
    return []
  rows = [['run', 'phase', 'real images', 'FLOPs', 'if sparse', 'published',
           'if sparse', 'hours']]
  for r in runs:
    if not r.cost:
      continue
    hours = (f'{r.cost["seconds"] / 3600:.3g}' if 'seconds' in r.cost else '-')
    phases = r.cost['phases'] if len(r.cost['phases']) > 1 else {}
    for phase, spent in {'all': r.cost['total'], **phases}.items():
      number = lambda key, spent=spent: (
          f'{spent[key]:.4g}' if key in spent else '-')
      rows.append([r.name, phase, f'{spent["real_images"]:,}', *map(number, (
          'flops', 'flops_sparse', 'published', 'published_sparse')),
                   hours if phase == 'all' else ''])
  return ['', *_table(rows), '',
          'Of the training up to the checkpoint. Real images: those that D was '
          'shown. FLOPs: of all its steps, forward and backward. Published: '
          'real images times one pass of G, as Saxena et al. (2023) count. If '
          'sparse: were zeroed weights free, which they are not on real '
          'hardware. Hours: of all sessions, without scoring.']


def _courses(runs, courses):
  """Lines: how each run's score went, and the mean over seeds; [] if none."""
  if not courses:
    return []
  keys = 'min', 'final', 'max_late', 'breaks'
  rows = [['run', 'score', 'evaluations', 'min', 'final', 'max after half',
           'breaks']]
  seeds = {}
  for r in runs:
    if r.name in courses:
      found = courses[r.name]
      rows.append([r.name, found['score'], str(len(found['curve'])),
                   *(f'{found[k]:.6g}' for k in keys)])
      recipe = json.dumps(configs.plain(r.config) | {'seed': None})
      seeds.setdefault(recipe, []).append(r.name)
  notes = []
  for group in seeds.values():
    if len(group) > 1:
      numbers = np.array([[courses[name][k] for k in keys] for name in group])
      mean, spread = numbers.mean(0), numbers.std(0, ddof=1)
      first = courses[group[0]]
      rows.append([f'{len(group)} seeds', first['score'],
                   str(len(first['curve'])),
                   *(f'{m:.6g} +- {s:.3g}' for m, s in zip(mean, spread))])
      notes += ['', f'{len(group)} seeds: mean and standard deviation of '
                f'{", ".join(group)}.']
  return ['', *_table(rows), '',
          'Over the evaluations of a run. Max after half: of the second half '
          'of its steps. Breaks: scores above twice the least before them.',
          *notes]


def _table(rows):
  """Lines of a GitHub table, aligned to be read as text too."""
  widths = [max(map(len, column)) for column in zip(*rows)]
  pad = lambda row: '| ' + ' | '.join(
      [row[0].ljust(widths[0]),
       *(x.rjust(w) for x, w in zip(row[1:], widths[1:]))]) + ' |'
  rule = '|'.join(['', '-' * (widths[0] + 2),
                   *('-' * (w + 1) + ':' for w in widths[1:]), ''])
  return [pad(rows[0]), rule, *map(pad, rows[1:])]
