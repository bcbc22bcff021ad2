"""The tables of a report on several runs."""
import numpy as np

from jgan import protocol
from jgan.report.table import Table
from jgan.verbs import _compared


def sizes(runs, times, hardware):
  """The Table of sizes, MACs and latency."""
  rows = [['run', 'checkpoint', 'parameters', 'MB', 'millions', 'MACs',
           'MACs (thop)', *(f'ms, batch {b}' for b in times)]]
  for r in runs:
    ratio = _compared.ratios(runs[0], r, times)
    rows.append([
        r.name, f'{r.step:,}' + (f', best {r.best}' if r.best else ''),
        f'{r.size["params"]:,} ({ratio["params"]:.2f}x)',
        f'{r.size["mb"]:.2f}', f'{_compared.millions(r.size["params"]):.2f}',
        f'{r.size["macs"]:,} ({ratio["macs"]:.2f}x)',
        f'{r.size["macs_thop"]:,}',
        *(f'{1e3 * seconds[r.name]:.2f} ({ratio[f"latency_{b}"]:.2f}x)'
          for b, seconds in times.items())])
  return Table(rows, (
      f'In brackets: how many times smaller or faster than {runs[0].name}. MB: '
      'size of the parameters in float32. Millions: number of parameters, '
      'truncated to two decimals. MACs: for one image. ms: median time to '
      f'generate a batch on {hardware}; the runs are timed in turns.',))


def scores(runs, columns):
  """The Table of scores, means over seeds, notes on those not comparable."""
  if not columns:
    return Table([], ('No scores: none of the runs was evaluated at its '
                      'checkpoint.',))
  rows = [['run', *(c['title'] for c in columns)]]
  apart = {}
  for r in runs:
    row = [r.name]
    for column in columns:
      cell = column['cells'].get(r.name)
      mark = ''
      if cell and cell['identity'] != column['identity']:
        how = '; '.join(protocol.differences(column['stamp'], cell['stamp']))
        note = f'{column["identity"]} -> {cell["identity"]}: {how}'
        mark = f' [{apart.setdefault(note, len(apart) + 1)}]'
      row.append(f'{cell["value"]:.6g}{mark}' if cell else '-')
    rows.append(row)
  missing = any('-' in row for row in rows)
  groups = _compared.seeds(runs)
  for group in groups:
    rows.append([_compared.of_seeds(group), *(
        _spread([c['cells'][name]['value'] for name in group
                 if c['cells'].get(name, {}).get('identity') == c['identity']])
        for c in columns)])
  notes = ['-: not scored at that checkpoint.'] if missing else []
  notes += map(_explained, groups)
  for identity, kind in {c['identity']: c['protocol'] for c in columns}.items():
    titles = [c['title'] for c in columns if c['identity'] == identity]
    notes.append(f'{", ".join(titles)}: protocol {kind}, identity {identity}.')
  for note, i in apart.items():
    notes.append(f'[{i}] made under another protocol, not comparable with the '
                 f'rest of the column: {note}.')
  return Table(rows, tuple(notes))


def costs(runs):
  """The Tables of training costs; [] if no cost is known."""
  if not any(r.cost for r in runs):
    return []
  rows = [['run', 'phase', 'real images', 'FLOPs', 'if sparse', 'published',
           'if sparse', 'hours']]
  for r in runs:
    if not r.cost:
      continue
    hours = (f'{r.cost["seconds"] / 3600:.3g}' if 'seconds' in r.cost else '-')
    phases = r.cost['phases'] if len(r.cost['phases']) > 1 else {}
    for phase, cost in {'all': r.cost['total'], **phases}.items():
      number = lambda key, cost=cost: (
          f'{cost[key]:.4g}' if key in cost else '-')
      rows.append([r.name, phase, f'{cost["real_images"]:,}', *map(number, (
          'flops', 'flops_sparse', 'published', 'published_sparse')),
                   hours if phase == 'all' else ''])
  return [Table(rows, (
      'Cost of training up to the checkpoint. Real images: those that D '
      'was trained on. FLOPs: of all steps, forward and backward. '
      'Published: real images times the FLOPs of one forward pass of G, as '
      'Saxena et al. (2023) count. If sparse: with masked weights free, '
      'which real hardware does not achieve. Hours: of all sessions, '
      'without scoring.',)), *_of_image(runs)]


def _of_image(runs):
  """The Table of FLOPs of one image, as papers count them; in a list."""
  rows = [['run', 'G', 'narrower G', 'G and D', 'real images x G and D']]
  for r in runs:
    if r.cost and 'image' in r.cost:
      image = r.cost['image']
      rows.append([r.name, *(f'{image[key]:.4g}' if key in image else '-'
                             for key in ('gen', 'narrow', 'both')),
                   f'{r.cost["total"]["real_images"] * image["both"]:.4g}'])
  return [Table(rows, (
      'FLOPs of one image, forward, as Saxena et al. (2023) count: of G in '
      'tables 1 and 4; in the pruned rows of table 1 of a G rebuilt with '
      'as many fewer channels as it prunes weights; of G and D in table 3, '
      'there for all real images.',))] if rows[1:] else []


def courses(runs, courses):
  """The Table of the stability of each run's score, in a list.

  courses: {run name: its _compared.course}; the result of {} is [].
  """
  if not courses:
    return []
  keys = 'best', 'final', 'worst_late', 'breaks'
  rows = [['run', 'score', 'better', 'evaluations', 'best', 'final',
           'worst after half', 'breaks']]
  runs = [r for r in runs if r.name in courses]
  for r in runs:
    course = courses[r.name]
    rows.append([r.name, course['score'], course['better'],
                 str(len(course['curve'])),
                 *(f'{course[k]:.6g}' for k in keys)])
  groups = _compared.seeds(runs)
  for group in groups:
    first = courses[group[0]]
    rows.append([_compared.of_seeds(group), first['score'], first['better'],
                 str(len(first['curve'])), *(
                     _spread([courses[name][k] for name in group])
                     for k in keys)])
  return [Table(rows, (
      'Over the evaluations of a run. Worst after half: in the second half '
      'of its steps. Breaks: scores above twice the lowest score so far; '
      'below half the highest, where the higher is better.',
      *map(_explained, groups)))]


def _explained(group):
  return (f'{_compared.of_seeds(group)}: mean and standard deviation of '
          f'{", ".join(group)}.')


def _spread(values):
  """Mean and standard deviation as text; '-' of fewer than two values."""
  if len(values) < 2:
    return '-'
  return f'{np.mean(values):.6g} +- {np.std(values, ddof=1):.3g}'
