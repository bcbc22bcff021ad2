"""Plot of the scores of several generators against their parameter count."""
import itertools
import math

from matplotlib.ticker import FuncFormatter

from jgan.errors import UserError
from jgan.report import figure


def draw(path, plots):
  """Plots each score against the parameter count, a point for each generator.

  Points are hollow if their protocol is not that of the plot. Scores that are
  not finite are left out.

  Args:
    path: of the PNG to write.
    plots: {title: {generator: (parameters, score, same_protocol)}}; a
      generator has one colour in all plots.

  Raises:
    UserError: no finite score.
  """
  plots = {title: {name: point for name, point in points.items()
                   if math.isfinite(point[1])}
           for title, points in plots.items()}
  plots = {title: points for title, points in plots.items() if points}
  if not plots:
    raise UserError('no score to plot against size: a finite one is needed')
  names = dict.fromkeys(name for points in plots.values() for name in points)
  colors = dict(zip(names, itertools.cycle(figure.COLORS)))
  columns = min(3, math.ceil(math.sqrt(len(plots))))
  rows = math.ceil(len(plots) / columns)
  page = figure.new(4.2 * columns, 3. * rows)
  for i, (title, points) in enumerate(plots.items()):
    axes = page.add_subplot(rows, columns, i + 1)
    mixed = not all(same for _, _, same in points.values())
    figure.tidy(axes, f'{title} (hollow: another protocol)' if mixed else title)
    largest = max(size for size, _, _ in points.values())
    for name, (size, score, same) in points.items():
      color = colors[name]
      axes.scatter(size, score, s=42, color=color if same else 'white',
                   edgecolors=color, linewidths=1.4, zorder=3)
      label_left = size > .6 * largest  # the side with space for the name
      axes.annotate(figure.letters(name), (size, score),
                    (-6 if label_left else 6, 5), textcoords='offset points',
                    fontsize=8, color=color,
                    ha='right' if label_left else 'left')
    axes.set_xlim(0., 1.1 * largest)
    axes.margins(y=.2)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f'{x / 1e6:g}'))
    if i + columns >= len(plots):
      axes.set_xlabel('parameters (millions)', fontsize=9, color=figure.INK)
  figure.save(path, page)


def curves(path, series, base, metric):
  """Plots scores against the parameter count, curves of names in panels.

  A curve goes through the means; a bar is from the least to the largest score.
  Scores that are not finite are left out.

  Args:
    path: of the PNG to write.
    series: {(panel, curve): [(parameters, scores)]}, in any order.
    base: (parameters, scores) of the generator as it is, a line across.
    metric: name of the score.

  Raises:
    UserError: no finite score.
  """
  series = {name: [(size, finite) for size, scores in sorted(points)
                   if (finite := [x for x in scores if math.isfinite(x)])]
            for name, points in series.items()}
  series = {name: points for name, points in series.items() if points}
  if not series:
    raise UserError('no score to plot against size: a finite one is needed')
  panels, names = (dict.fromkeys(part) for part in zip(*series))
  page = figure.new(3.6 * len(panels), 3.4)
  panels = {panel: page.add_subplot(1, len(panels), i + 1)
            for i, panel in enumerate(panels)}
  colors = dict(zip(names, itertools.cycle(figure.COLORS)))
  size, scores = base
  for panel, axes in panels.items():
    figure.tidy(axes, f'{metric}, {panel}')
    axes.axhline(sum(scores) / len(scores), color=figure.INK, linewidth=.8,
                 label=f'as it is, {size:,}')
    axes.set_xlabel('parameters (thousands)', fontsize=9, color=figure.INK)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f'{x / 1e3:g}'))
  for (panel, name), points in series.items():
    sizes, scores = zip(*points)
    means = [sum(x) / len(x) for x in scores]
    reach = [[m - min(x) for m, x in zip(means, scores)],
             [max(x) - m for m, x in zip(means, scores)]]
    panels[panel].errorbar(sizes, means, yerr=reach, color=colors[name],
                           linewidth=1.4, marker='o', markersize=4, capsize=2,
                           label=f'fitted to {name}')
  for axes in panels.values():
    axes.legend(fontsize=8, frameon=False, labelcolor=figure.INK)
  figure.save(path, page)
