"""Plot of the losses and metrics of a run over its steps."""
import itertools
import math
import re

import numpy as np
from matplotlib.ticker import EngFormatter, MaxNLocator

from jgan.errors import UserError
from jgan.report import figure

# Values whose names differ only in these words share a plot.
_OWNERS = {'gen', 'disc', 'generator', 'discriminator', 'real', 'fake'}
# Words of values that the config decides, before any training.
_KNOWN = {'cost', 'schedule', 'lr', 'phase', 'density'}
_MANY = 100  # curves with more points are drawn faint, under a running mean


def draw(path, records, *, keys=()):
  """Plots logged values against 'step'.

  All losses share a plot, as do the values of the two players
  ('disc/grad_norm', 'gen/grad_norm'); every other key has a plot of its own.
  What the config decides (cost, schedules, learning rates, phases, densities)
  is left out where it is a straight line, as a constant is, unless it is asked
  for or nothing else is there. What training decides is always drawn.
  Long curves are drawn faint, under their running mean. Values that are not
  finite leave a gap and are counted in the title.

  Args:
    path: of the PNG to write.
    records: dicts with 'step' and any numbers, in any order; keys may be
      missing. If a step repeats (after a resume), its last record counts.
    keys: keys to plot; () plots all numbers but such lines.

  Raises:
    UserError: there is nothing to plot.
  """
  series = _series(records, keys)
  if not series:
    logged_keys = sorted({k for r in records for k in r} - {'step'})
    raise UserError(f'nothing to plot of {list(keys) or "any key"} in '
                    f'{len(records)} records with the keys: {logged_keys}')
  if not keys:
    series = {key: points for key, points in series.items()
              if not (_KNOWN & {*_words(key)} and _straight(points))} or series
  plots = {}
  for key in sorted(series):
    plots.setdefault(_group(key), []).append(key)
  # Losses first, then by name.
  titles = sorted(plots, key=lambda t: (t != 'loss', t))
  columns = min(3, math.ceil(math.sqrt(len(titles))))
  rows = math.ceil(len(titles) / columns)
  page = figure.new(4.2 * columns, 2.8 * rows)
  first, last = _span(series)
  for i, title in enumerate(titles):
    axes = page.add_subplot(rows, columns, i + 1)
    _plot(axes, title, {key: series[key] for key in plots[title]})
    axes.set_xlim(first, last)
    if i + columns >= len(titles):
      axes.set_xlabel('step', fontsize=9, color=figure.INK)
  figure.save(path, page)


def _series(records, keys):
  """{key: {step: value}} of all numbers, with rising steps."""
  series = {}
  for record in records:
    for key, value in record.items():
      wanted = key in keys if keys else key != 'step'
      number = isinstance(value, int | float | np.number)
      if wanted and number and not isinstance(value, bool):
        series.setdefault(key, {})[record['step']] = float(value)
  return {key: dict(sorted(points.items())) for key, points in series.items()}


def _group(key):
  """The title of the plot that a key belongs to."""
  words = _words(key)
  if 'loss' in words:
    return 'loss'
  # The mean logits are logged as 'disc/real' and 'disc/fake'.
  return '_'.join(w for w in words if w not in _OWNERS) or 'logits'


def _words(key):
  return re.split(r'[/_. ]', key)


def _straight(points):
  """Whether {step: value} lies on a line, to six digits of the largest."""
  steps, values = np.array([*points.items()]).T
  line = np.interp(steps, steps[[0, -1]], values[[0, -1]])
  return bool(np.all(np.abs(values - line) <= 1e-6 * np.abs(values).max()))


def _span(series):
  """The common range of steps of all plots."""
  steps = [step for points in series.values() for step in points]
  first, last = min(steps), max(steps)
  margin = (last - first) * .02 or 1.
  return first - margin, last + margin


def _plot(axes, title, curves):
  not_finite = 0
  plotted = []
  for color, (key, points) in zip(itertools.cycle(figure.COLORS),
                                  curves.items()):
    steps = np.array(list(points))
    values = np.array(list(points.values()))
    finite = np.isfinite(values)
    not_finite += np.sum(~finite)
    plotted.extend(values[finite])
    values = np.where(finite, values, np.nan)
    if len(steps) > _MANY:
      axes.plot(steps, values, color=color, linewidth=.8, alpha=.25)
      values = _running_mean(values, len(steps) // 50)
    # Markers for few points: a single point would be invisible as a line.
    marker = 'o' if len(steps) <= 30 else None
    axes.plot(steps, values, color=color, linewidth=1.4, marker=marker,
              markersize=3, label=key)
  title = title if len(curves) > 1 else key
  figure.tidy(axes,
              f'{title} ({not_finite} not finite)' if not_finite else title)
  if len(curves) > 1:  # next to the title, where it covers no curve
    axes.legend(fontsize=8, frameon=False, labelcolor=figure.INK, ncols=3,
                loc='lower right', bbox_to_anchor=(1.02, .97),
                handlelength=1., columnspacing=1.)
  if plotted and min(plotted) > 0. and max(plotted) >= 100. * min(plotted):
    axes.set_yscale('log')
  axes.xaxis.set_major_formatter(EngFormatter(sep=''))
  axes.xaxis.set_major_locator(
      MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))


def _running_mean(values, width):
  """Centred running mean of the finite values; NaN stays NaN."""
  finite = np.isfinite(values)
  total = np.convolve(np.where(finite, values, 0.), np.ones(width), 'same')
  count = np.convolve(finite, np.ones(width), 'same')
  return np.where(finite, total / np.maximum(count, 1.), np.nan)
