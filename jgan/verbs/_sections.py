"""The sections of a page about runs: what their records and files tell."""
import json
import math

import numpy as np

from jgan.errors import UserError
from jgan.metrics import spectrum_bands
from jgan.report.page import plots
from jgan.report.page.section import Folded, Grid, Section
from jgan.report.table import Table, lines
from jgan.run import doctor, rollback
from jgan.score import labels
from jgan.score.record import comparable
from jgan.verbs import _compared, _tables, _told
from jgan.workdir import completed

_POINTS = 40000  # of all curves of a page together
_FEW = 12        # runs of which whole configs are shown
_MANY = 30       # keys of configs in a table, if not all runs have them
_LONG = 160      # letters of one value of a config


def overview(runs, told):
  """What each run is, and how far it is."""
  rows = [['run', 'data', 'generator', 'discriminator', 'loss', 'method',
           'steps', 'shown', 'folder']]
  for run in runs:
    c, files = run.config, told[run.name]
    step = max([r['step'] for r in [*files.logged, *run.history]],
               default=run.step)
    part = lambda name, c=c: c[name].name if c is not None else ''
    rows.append([
        run.name, part('data'), part('generator'),
        part('discriminator'), part('loss'), part('method'),
        f'{step:,} of {c.steps:,}' if c is not None else f'{step:,}',
        f'step {run.step:,}' + (f', best {run.best}' if run.best else ''),
        str(files.folder)])
  return Section('overview', 'Runs', grids=(Grid(Table(rows, (
      'Shown: the step whose scores stand in the tables below.',))),))


def findings(runs, told):
  """What the doctor has found in each run, when, and what it went back from."""
  rows = [['run', 'step', 'symptom', 'evidence', 'what may help']]
  rows += [[run.name, f'{record["step"]:,}',
            doctor.words(record['symptom'])
            + (': gone' if record['event'] == 'gone' else ''),
            record['evidence'], record['advice']]
           for run in runs for record in told[run.name].findings]
  back = [['run', 'step', 'symptom', 'evidence', 'back to step', 'with']]
  back += [[run.name, f'{record["step"]:,}',
            doctor.words(str(record['symptom'])), str(record['evidence']),
            f'{record["to"]:,}', ', '.join(
                f'{change["key"]} {rollback.verb(change)}'
                for change in record['changes'])]
           for run in runs for record in told[run.name].rollbacks]
  return Section('findings', 'Findings of the doctor', grids=tuple(
      Grid(Table(table), caption) for table, caption in (
          (rows, ''), (back, 'Rollbacks')) if table[1:]))


def config(runs, told):
  """In which keys the configs differ, and all of each."""
  plain = {run.name: completed(told[run.name].config) for run in runs
           if told[run.name].config}
  flat = {name: _told.flat(each) for name, each in plain.items()}
  keys = dict.fromkeys(key for each in flat.values() for key in each)
  rows = [['key', *flat]]
  for key in keys:
    values = [each.get(key, 'absent') for each in flat.values()]
    if len({*values}) > 1:
      rows.append([key, *(value if len(value) <= _LONG
                          else f'{value[:_LONG]} ...' for value in values)])
  grids, rest = (), []
  if len(rows) > _MANY:
    partly = [row for row in rows[1:] if 'absent' in row]
    rows = [row for row in rows if row not in partly]
    rest = [Folded(f'{len(partly)} keys that only some of the runs have',
                   '\n'.join(lines([['key', *flat], *partly])))]
  if rows[1:]:
    grids = (Grid(Table(rows), by='column'),)
  elif len(flat) > 1:
    grids = (Grid(Table([], ('The configs are equal.',))),)
  return Section(
      'config', 'What differs in the configs' if len(flat) > 1 else 'Config',
      grids=grids, folded=(*rest, *(
          Folded(f'Config of {name}', json.dumps(each, indent=2), name)
          for name, each in list(plain.items())[:_FEW])))


def scores(runs, columns, courses):
  """Tables of scores, and their curves."""
  names = dict.fromkeys(
      label for run in runs for r in run.history for label in r['values'])
  look, figures = plots.looks([run.name for run in runs]), []
  for label in names:
    curves = {run.name: _compared.curve(run.history, label) for run in runs}
    curves = {name: points for name, points in curves.items()
              if len(points) > 1}
    if curves and not label.startswith('spectrum_bands'):
      better = _better(label)
      figures.append(plots.curves(
          f'score-{label}', label, curves, look, log_from=10.,
          caption=' '.join([
              *([f'{better.capitalize()} is better.'] if better else []),
              _identities(runs, label)])))
  grids = ([Grid(_tables.scores(runs, columns))] if columns else []) + [
      Grid(table, 'How the scores went') for table in
      _tables.courses(runs, courses)]
  return Section('scores', 'Scores', grids=tuple(grids), plots=tuple(figures))


def curves(runs, told):
  """What was logged while training, but scores and costs."""
  names = [run.name for run in runs]
  look = plots.looks(names)
  scored = {f'eval/{label}' for run in runs for r in run.history
            for label in r['values']}
  series = {}
  for name in names:
    for r in told[name].logged:
      for key, value in r.items():
        if not (key == 'step' or key in scored or key.startswith('cost/')):
          series.setdefault(key, {}).setdefault(name, {})[r['step']] = value
  most = _most(sum(map(len, series.values())))
  order = sorted(series, key=lambda key: (
      not key.endswith('loss'), key.startswith('arch/'), key))
  return Section('curves', 'Curves', plots=tuple(
      plots.curves(f'curve-{key}', key, series[key], look, most=most,
                   smooth=True) for key in order))


def spectra(runs, profiles):
  """Mean spectra, and the energy of frequency bands during training.

  profiles: {run or 'real': [n, bins]}, {} if they were not asked for.
  """
  look = plots.looks([run.name for run in runs])
  figures = [plots.spectra(profiles, look)] if profiles else []
  evolutions = {run.name: _compared.evolution(run.history) for run in runs}
  for band in spectrum_bands.BANDS:
    energies = {name: bands[band] for name, bands in evolutions.items()
                if bands and len(bands[band]) > 1}
    if energies:
      figures.append(plots.curves(
          f'band-{band}', f'{band} frequencies', energies, look, base=1.,
          caption='Energy relative to the real images, which are at 1.'))
  return Section('spectra', 'Spectra', plots=tuple(figures))


def sensitivity(runs, told):
  """The score after compressing one layer alone."""
  figures, grids = [], []
  for run in runs:
    trials = told[run.name].sensitivity
    if not trials:
      continue
    base, better, metric = (trials[key] for key in ('base', 'better', 'metric'))
    sign = {'lower': 1., 'higher': -1.}[better]
    budget = trials.get('budget')
    rows = trials['rows']
    figures.append(plots.sensitivity(
        f'sensitivity-{run.name}', run.name,
        [(row['layer'], row['rank'], row['score']) for row in rows], base=base,
        worst=base + sign * budget if budget else None, better=better,
        metric=metric))
    proposal = trials.get('proposal', {})
    table = [['layer', 'form', 'rank', 'parameters', 'removed',
              'kernel error', metric, 'change', 'proposed']]
    for row in rows:
      proposed = proposal.get(row['layer'], {}).get('rank') == row['rank']
      table.append([
          row['layer'], row['form'], str(row['rank']), f'{row["params"]:,}',
          f'{row["removed"]:,}', f'{row["error"]:.4f}', f'{row["score"]:.5g}',
          f'{row["score"] - base:+.4g}', 'yes' if proposed else ''])
    grids.append(Grid(Table(table), f'{run.name}, step {trials.get("step")}',
                      by=''))
  return Section(
      'sensitivity', 'Sensitivity of layers', 'The score of the generator with '
      'the kernel of one layer alone replaced by its low-rank form, without '
      'fine-tuning.', tuple(grids), tuple(figures), plots_first=True)


def tradeoff(runs, columns, times, hardware):
  """Sizes, work and latency beside the scores."""
  runs = [run for run in runs if run.size]
  if not runs:
    return Section('tradeoff', 'Size, latency and score')
  measures = {
      'parameters (millions)': {r.name: r.size['params'] / 1e6 for r in runs},
      'MACs (millions)': {r.name: r.size['macs'] / 1e6 for r in runs},
      **{f'ms for a batch of {batch}': {
          name: 1e3 * seconds[name] for name in seconds}
         for batch, seconds in times.items()}}
  known = {column['title']: (column, better) for column in columns
           if (better := _better(column['title'].split(' (')[0]))
           and len(column['cells']) > 1}
  look = plots.looks([run.name for run in runs])
  figures = ()
  if known:
    figures = (plots.chosen(
        'tradeoff', 'Score against size, work or latency',
        [('across', measures), ('up', known)],
        [[plots.tradeoff({
            name: (numbers[name], cell['value'],
                   cell['identity'] == column['identity'])
            for name, cell in column['cells'].items() if name in numbers},
            look, x=measure, y=title, better=better)
          for title, (column, better) in known.items()]
         for measure, numbers in measures.items()],
        caption='The arrow points to where both are better; the dotted line '
        'joins the runs that no other one beats in both. Hollow: scored under '
        'another protocol.') | {'wide': True},)
  return Section('tradeoff', 'Size, latency and score',
                 grids=(Grid(_tables.sizes(runs, times, hardware)),),
                 plots=figures, plots_first=True)


def cost(runs, told):
  """What training cost, and the scores over it."""
  look = plots.looks([run.name for run in runs])
  measures, names = {}, {}
  for run in runs:
    files = told[run.name]
    for label in dict.fromkeys(label for r in run.history
                               for label in r['values']):
      points = _compared.curve(run.history, label)
      for measure, spent in _spent(files, points).items():
        values = {spent[s]: points[s] for s in sorted(points) if s in spent}
        if len(values) > 1:
          names[label] = None
          measures.setdefault(measure, {}).setdefault(label, {})[
              run.name] = values
  names = [name for name in names if _better(name)]
  figures = ()
  if names:
    figures = (plots.chosen(
        'cost', 'Score over the cost of training',
        [('across', measures), ('up', names)],
        [[{key: plots.curves('', '', of_label.get(name, {}), look, x=measure,
                             y=name)[key] for key in ('data', 'layout')}
          for name in names] for measure, of_label in measures.items()])
               | {'wide': True},)
  return Section('cost', 'Cost', grids=tuple(map(Grid, _tables.costs(runs))),
                 plots=figures, plots_first=True)


def environment(runs, told):
  """Where and with what each run was made."""
  facts = {}
  for run in runs:
    record = told[run.name].environment
    if record:
      sessions = len(record.get('resumed', ()))
      facts[run.name] = {
          'command': str(record.get('command', '')),
          'started': str(record.get('started', '')),
          'sessions': str(1 + sessions),
          'host': str(record.get('host', '')),
          'devices': ', '.join(map(str, record.get('devices', ()))),
          'processes': str(record.get('processes', '')),
          'computed in': str(record.get('dtype', '')),
          'commit of jgan': str(record.get('commit', '')),
          **{f'version of {name}': str(version) for name, version in
             dict(record.get('versions', {})).items()}}
  keys = dict.fromkeys(key for each in facts.values() for key in each)
  same, apart = [['in all runs', '']], [['in each run', *facts]]
  for key in keys:
    values = [each.get(key, '-') for each in facts.values()]
    if len({*values}) == 1:
      same.append([key, values[0]])
    else:
      apart.append([key, *values])
  if len(facts) == 1:
    same[0] = ['', next(iter(facts))]
  return Section('environment', 'Environment', grids=tuple(
      Grid(Table(rows), by=by) for rows, by in ((apart, 'column'), (same, ''))
      if rows[1:]))


def _better(label):
  """'lower', 'higher', or '' if neither, or if the score is not known."""
  try:
    better = labels.better(label)
  except UserError:
    return ''
  return better if better != 'neither' else ''


def _identities(runs, label):
  """Says under which protocols the curves of a score were made."""
  identities = {}
  for run in runs:
    for line in comparable(run.history, label)[:1]:
      identities.setdefault(line['identity'], []).append(run.name)
  if len(identities) == 1:
    return f'Protocol identity {next(iter(identities))}.'
  return 'Not comparable, of several protocols: ' + '; '.join(
      f'{identity} of {", ".join(names)}'
      for identity, names in identities.items()) + '.'


def _spent(files, steps):
  """{measure: {step: what training had cost by then}}."""
  spent = {}
  titles = {'flops': 'FLOPs', 'flops_sparse': 'FLOPs if sparse',
            'real_images': 'real images'}
  for r in files.logged:
    for key, title in titles.items():
      value = r.get(f'cost/{key}')
      if r['step'] in steps and value is not None:
        spent.setdefault(title, {})[r['step']] = value
  times = [r for r in files.timing if math.isfinite(r['training'])]
  if times:
    at = [0, *(r['step'] for r in times)]
    seconds = [0., *(r['training'] for r in times)]
    spent['hours of training'] = {
        step: float(np.interp(step, at, seconds)) / 3600
        for step in steps if step <= at[-1]}
  return spent


def _most(count):
  """Points of each of `count` curves."""
  return max(20, min(400, _POINTS // max(count, 1)))
