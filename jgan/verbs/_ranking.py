"""The table of a sweep: its combinations by the score that decides."""
from jgan import sweeps
from jgan.report import table
from jgan.run import outcomes
from jgan.score import labels


def ranked(told):
  """Sorts combinations, the best first.

  The score that decides is config.checkpoint.best, by its best value, or else
  the first that can be ranked. Means are over the runs that did not stop; a
  combination without any is below the others.

  Args:
    told: {name: {'values', 'seeds', 'score', 'runs': {name: {'stopped',
      'step', 'scores': {label: {'last', 'best'}}}}}}.

  Returns:
    The same, sorted and with 'moments': {label: {'last', 'best'}} of {'mean',
    'std', 'count'}; and text, the table.
  """
  told = {name: {**each, 'moments': _moments(each['runs'])}
          for name, each in told.items()}
  decisive = _decisive(told)
  if decisive:
    which = 'last' if labels.better(decisive) == 'neither' else 'best'

    def cost(item):
      moments = item[1]['moments'].get(decisive, {}).get(which)
      if not moments:
        return 1, 0.
      if which == 'last':
        return 0, 0.  # neither is better: as they were given
      return 0, labels.cost(moments['mean'], labels.better(decisive))

    told = dict(sorted(told.items(), key=cost))
  return told, _text(told, decisive)


def _moments(runs):
  """Means and deviations over the runs that did not stop."""
  ended = [each['scores'] for each in runs.values() if not each['stopped']]
  names = dict.fromkeys(name for scores in ended for name in scores)
  return {name: {which: outcomes.moments_of(values)
                 for which in ('best', 'last')
                 if (values := [scores[name][which] for scores in ended
                                if which in scores.get(name, {})])}
          for name in names}


def _decisive(told):
  """Label of the score that decides, '' if there are no scores."""
  names = dict.fromkeys(name for each in told.values()
                        for name in each['moments'])
  chosen = [each['score'] for each in told.values() if each['score'] in names]
  ranking = [name for name in names if labels.better(name) != 'neither']
  return next(iter([*chosen, *ranking, *names]), '')


def _text(told, decisive):
  """The table in Markdown, with why runs stopped."""
  keys = dict.fromkeys(key for each in told.values() for key in each['values'])
  scores = dict.fromkeys([*filter(None, [decisive]), *(
      name for each in told.values() for name in each['moments'])])
  columns = [(name, which) for name in scores for which in ('best', 'last')
             if any(which in each['moments'].get(name, {})
                    for each in told.values())]
  rows = [[*(keys or ['run']), 'runs', 'step',
           *(f'{name}, {which}' for name, which in columns)]]
  for each in told.values():
    runs = each['runs'].values()
    ended = sum(not run['stopped'] for run in runs)
    shown = [sweeps.shown(each['values'][key]) if key in each['values'] else '-'
             for key in keys]
    rows.append([
        *(shown or ['all']),
        str(ended) if ended == len(runs) else f'{ended} of {len(runs)}',
        f'{min(run["step"] for run in runs):,}',
        *(_cell(each['moments'].get(name, {}).get(which))
          for name, which in columns)])
  lines = table.lines(rows)
  if not columns:
    lines += ['', 'No scores: config.eval says of none, or none is made yet.']
  for name, each in told.items():
    for run, what in each['runs'].items():
      if what['stopped']:
        where = name if run == name else '/'.join(filter(None, [name, run]))
        lines += ['', f'{where} stopped: {what["stopped"]}']
  return '\n'.join([*lines, ''])


def _cell(moments):
  if not moments:
    return '-'
  if moments['count'] == 1:
    return f'{moments["mean"]:.6g}'
  return f'{moments["mean"]:.6g} +- {moments["std"]:.3g}'
