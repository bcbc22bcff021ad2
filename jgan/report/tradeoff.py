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
      axes.annotate(name, (size, score), (-6 if label_left else 6, 5),
                    textcoords='offset points', fontsize=8, color=color,
                    ha='right' if label_left else 'left')
    axes.set_xlim(0., 1.1 * largest)
    axes.margins(y=.2)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f'{x / 1e6:g}'))
    if i + columns >= len(plots):
      axes.set_xlabel('parameters (millions)', fontsize=9, color=figure.INK)
  figure.save(path, page)
