"""Plots of a page, as figures of plotly.js: plain dicts.

A figure is {'id', 'title', 'caption', 'data', 'layout'}. One that offers a
choice of axes has, in place of data and layout, 'choices', a list of {'label',
'options'}, and 'variants', a figure's data and layout for each choice, nested
in the order of the choices. Colours of text and grids are those of the page,
which page.js sets.
"""
import itertools
import math

from jgan.report import figure
from jgan.report.page.thinning import rounded, thin

INK = 'ink'  # stands for the colour of the page's text
_DASHES = 'solid', 'dash', 'dot', 'dashdot'
_SYMBOLS = 'circle', 'square', 'diamond', 'triangle-up'


def looks(names):
  """A colour, a dash and a symbol for each run: {name: {'color', ...}}.

  The seeds of a combination of a sweep have the same colour, where there are
  other runs too.
  """
  count = len(figure.COLORS)
  folders = [_of_seeds(name) for name in names]
  kinds = [*dict.fromkeys(folders)]
  grouped = 1 < len(kinds) < len(names)
  look = {}
  for i, (name, folder) in enumerate(zip(names, folders)):
    color = kinds.index(folder) if grouped else i
    other = folders[:i].count(folder) if grouped else i // count
    look[name] = {'color': figure.COLORS[color % count],
                  'dash': _DASHES[other % len(_DASHES)],
                  'symbol': _SYMBOLS[other % len(_SYMBOLS)]}
  return look


def _of_seeds(name):
  """The folder that a run of a seed is in; other runs are their own."""
  folder, _, last = name.rpartition('/')
  return folder if last.startswith('seed_') else name


def plain(text):
  """Text as plotly.js shows it: it would read a part of HTML."""
  return (str(text).replace('&', '&amp;').replace('<', '&lt;')
          .replace('>', '&gt;'))


def curves(name, title, runs, look, *, most=400, caption='', x='step', y='',
           base=None, smooth=False, log_from=100.):
  """Curves of several runs over one another.

  Args:
    name: the id of the figure.
    title: above it.
    runs: {run: {step: value}}.
    look: of `looks`.
    most: points of one curve.
    caption: below it.
    x, y: titles of the axes.
    base: a value at which a line is drawn.
    smooth: whether the page's smoothing applies to it.
    log_from: the ratio of the highest to the lowest value from which on the
      scale is logarithmic, if all are positive.

  Returns:
    A figure.
  """
  data, bad = [], 0
  positive = [value for points in runs.values() for value in points.values()
              if math.isfinite(value)]
  for run, points in runs.items():
    steps, values = thin(points, most)
    bad += sum(not math.isfinite(value) for value in points.values())
    data.append(_line(run, steps, values, look[run]))
  layout = {'xaxis': {'title': {'text': plain(x)}},
            'yaxis': {'title': {'text': plain(y)}}}
  if positive and 0. < min(positive) <= max(positive) / log_from:
    layout['yaxis']['type'] = 'log'
  if base is not None:
    layout['shapes'] = [_level(base)]
  notes = [caption, f'{bad} values are not finite.' if bad else '']
  return {'id': name, 'title': title, 'caption': ' '.join(filter(None, notes)),
          'data': data, 'layout': layout, 'smooth': smooth}


def tradeoff(points, look, *, x, y, better):
  """Scores against a size or a cost, with the front of the best runs.

  Args:
    points: {run: (x, y, whether its protocol is that of the others)}.
    look: of `looks`.
    x, y: titles of the axes; of x the lower is better.
    better: 'lower' or 'higher', of y.

  Returns:
    The 'data' and 'layout' of a figure.
  """
  points = {run: point for run, point in points.items()
            if math.isfinite(point[0]) and math.isfinite(point[1])}
  front = front_of({run: point[:2] for run, point in points.items()
                    if point[2]}, better)
  data = [{'type': 'scatter', 'mode': 'lines', 'uid': 'front',
           'name': 'not beaten in both', 'hoverinfo': 'skip',
           # A step passes through points that are worse than both its ends.
           'line': {'color': INK, 'width': 1, 'dash': 'dot', 'shape': 'hv'},
           'x': [rounded(points[run][0]) for run in front],
           'y': [rounded(points[run][1]) for run in front]}]
  for run, (at_x, at_y, same) in points.items():
    data.append({
        'type': 'scatter', 'mode': 'markers+text', 'meta': {'run': run},
        'name': plain(run), 'uid': f'run {run}', 'x': [rounded(at_x)],
        'y': [rounded(at_y)], 'text': [plain(run)], 'cliponaxis': False,
        'textposition': 'top center', 'marker': {
            'size': 11, 'color': look[run]['color'],
            'symbol': look[run]['symbol'] + ('' if same else '-open'),
            'line': {'width': 2, 'color': look[run]['color']}}})
  low = better == 'lower'
  layout = {
      'xaxis': {'title': {'text': f'{plain(x)} (fewer is better)'},
                'rangemode': 'tozero'},
      'yaxis': {'title': {'text': f'{plain(y)} ({better} is better)'}},
      'hovermode': 'closest',
      # From the word towards the corner where both are better.
      'annotations': [{
          'text': 'better', 'xref': 'paper', 'yref': 'paper', 'x': .005,
          'y': .01 if low else .99, 'ax': 48, 'ay': -32 if low else 32,
          'showarrow': True, 'arrowhead': 2, 'arrowsize': 1.2,
          'arrowwidth': 2, 'font': {'size': 14}}]}
  return {'data': data, 'layout': layout}


def front_of(points, better):
  """The runs that no other one beats in both numbers, by rising x.

  points: {run: (x, y)}; of x the lower is better, of y `better`.
  """
  sign = {'lower': 1., 'higher': -1.}[better]
  front, best = [], math.inf
  for run, (_, y) in sorted(points.items(),
                            key=lambda item: (item[1][0], sign * item[1][1])):
    if sign * y < best:
      front.append(run)
      best = sign * y
  return front


def chosen(name, title, choices, variants, *, caption=''):
  """A figure whose axes are chosen: [(label, options)], nested variants."""
  offered = [{'label': label, 'options': list(options)}
             for label, options in choices]
  return {'id': name, 'title': title, 'caption': caption, 'choices': offered,
          'variants': variants}


def spectra(profiles, look):
  """Mean power spectra with bands of one standard deviation.

  profiles: {run or 'real': [n, bins]}.
  """
  data = []
  for name, values in profiles.items():
    color = look[name]['color'] if name in look else INK
    mean, deviation = values.mean(0), values.std(0)
    x = [rounded(i / (len(mean) - 1)) for i in range(len(mean))]
    line = _line(name, x, [*map(rounded, mean)],
                 look.get(name, {'color': INK, 'dash': 'dash'}))
    if name not in look:
      line['meta'] = {}
    edges = [{**line, 'mode': 'lines',
              'y': [*map(rounded, mean + sign * deviation)],
              'line': {'width': 0, 'color': color}, 'hoverinfo': 'skip',
              'showlegend': False, 'uid': f'{line["uid"]} {sign}'}
             for sign in (-1, 1)]
    data += [edges[0], {**edges[1], 'fill': 'tonexty',
                        'fillcolor': _faint(color)}, line]
  return {'id': 'spectra-mean', 'title': 'Mean power spectrum',
          'caption': 'Bands: one standard deviation over images. Frequency: of '
          'the highest.', 'data': data, 'layout': {
              'xaxis': {'title': {'text': 'spatial frequency'}},
              'yaxis': {'title': {'text': 'log power, from 0 to 1'}}}}


def sensitivity(name, run, rows, *, base, worst=None, better, metric):
  """Bars of the score after each layer was compressed alone.

  Args:
    name: the id of the figure.
    run: its name.
    rows: (layer, rank, score) triples.
    base: score of the uncompressed generator.
    worst: the worst acceptable score; None: all are.
    better: 'lower' or 'higher'.
    metric: name of the score.
  """
  data = []
  ranks = sorted({str(rank) for _, rank, _ in rows}, key=_natural)
  for rank, color in zip(ranks, itertools.cycle(figure.COLORS)):
    of_rank = [(layer, score) for layer, r, score in rows
               if str(r) == rank and math.isfinite(score)]
    data.append({
        'type': 'bar', 'name': f'rank {plain(rank)}', 'uid': f'rank {rank}',
        'x': [plain(layer) for layer, _ in of_rank], 'base': rounded(base),
        'y': [rounded(score - base) for _, score in of_rank],
        'customdata': [rounded(score) for _, score in of_rank],
        'hovertemplate': '%{x}: %{customdata:.5g}',
        'marker': {'color': color}})
  shapes, said = [_level(base)], ''
  farthest = max((abs(score - base) for *_, score in rows
                  if math.isfinite(score)), default=0.)
  if worst is not None:
    said = f' The budget is {worst:.5g}'
    if abs(worst - base) <= 2 * farthest:  # else it would flatten the bars
      shapes.append(_level(worst, color=figure.COLORS[1]))
      said += ', dashed in colour'
    said += '.'
  return {'id': name, 'title': f'{run}: {metric} after compressing one layer',
          'caption': f'Bars begin at {base:.5g}, uncompressed; {better} is '
          'better.' + said, 'wide': True, 'data': data, 'layout': {
              'barmode': 'group', 'shapes': shapes, 'hovermode': 'closest',
              'xaxis': {'automargin': True, 'tickangle': -45},
              'yaxis': {'title': {'text': plain(metric)}}}}


def points(name, title, sets, look):
  """2-D points of real and generated data, one figure.

  sets: {run or 'real': [n, 2]}.
  """
  data = [{'type': 'scatter', 'mode': 'markers', 'name': plain(run),
           'uid': f'run {run}', 'meta': {'run': run} if run in look else {},
           'x': [rounded(x) for x in xy[:, 0]],
           'y': [rounded(y) for y in xy[:, 1]], 'hoverinfo': 'name',
           'marker': {'size': 4, 'opacity': .6,
                      'color': look[run]['color'] if run in look else INK}}
          for run, xy in sets.items()]
  return {'id': name, 'title': title, 'caption': '', 'data': data, 'layout': {
      'hovermode': 'closest',
      'yaxis': {'scaleanchor': 'x', 'scaleratio': 1}}}


def _line(run, x, y, look):
  return {'type': 'scatter', 'mode': 'lines' if len(x) > 30
          else 'lines+markers', 'name': plain(run), 'uid': f'run {run}',
          'meta': {'run': run}, 'x': x, 'y': y, 'marker': {'size': 5},
          'line': {'color': look['color'], 'dash': look['dash'],
                   'width': 1.6}}


def _level(value, color=INK):
  return {'type': 'line', 'xref': 'paper', 'x0': 0, 'x1': 1, 'y0': value,
          'y1': value, 'line': {'color': color, 'width': 1, 'dash': 'dash'}}


def _faint(color):
  """A colour of which much shines through."""
  if color == INK:
    return 'rgba(128, 128, 128, .2)'
  red, green, blue = (int(color[i:i + 2], 16) for i in (1, 3, 5))
  return f'rgba({red}, {green}, {blue}, .15)'


def _natural(text):
  """Sorts '8' before '16'."""
  return [int(word) if word.isdigit() else -1 for word in
          text.replace('(', ' ').replace(',', ' ').replace(')', ' ').split()]
