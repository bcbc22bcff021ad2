"""Curves of a run's losses and metrics over its steps, as one PNG."""
import itertools
import math
import re

import numpy as np
from matplotlib.ticker import EngFormatter, MaxNLocator

from jgan.errors import UserError
from jgan.report import figure

# Words that say whose a number is: names that differ in them share a plot.
_OWNERS = {'gen', 'disc', 'generator', 'discriminator', 'real', 'fake'}
_MANY = 100  # points; more are drawn faint, under their running mean


def draw(path, records, *, keys=()):
  """Plots what the records log against 'step'.

  All losses share one plot, as do values that differ only in whose they are
  ('disc/grad_norm', 'gen/grad_norm'); every other key has its own. Long
  curves are faint under their running mean. Values that are not finite leave
  a gap and are counted in the title.

  Args:
    path: of the PNG to write.
    records: dicts with 'step' and any numbers, in any order; not every record
      has every key. Where a step repeats (a resumed run), the last one counts.
    keys: what to plot; all numbers if empty.

  Raises:
    UserError: there is nothing to plot.
  """
  series = _series(records, keys)
  if not series:
    known = sorted({k for r in records for k in r} - {'step'})
    raise UserError(f'nothing to plot of {list(keys) or "any key"} in '
                    f'{len(records)} records with the keys: {known}')
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
  """{key: {step: value}}, steps rising, of what is a number."""
  found = {}
  for record in records:
    for key, value in record.items():
      wanted = key in keys if keys else key != 'step'
      number = isinstance(value, int | float | np.number)
      if wanted and number and not isinstance(value, bool):
        found.setdefault(key, {})[record['step']] = float(value)
  return {key: dict(sorted(points.items())) for key, points in found.items()}


def _group(key):
  words = re.split(r'[/_. ]', key)
  if 'loss' in words:
    return 'loss'
  # D's mean outputs are logged as 'disc/real' and 'disc/fake'.
  return '_'.join(w for w in words if w not in _OWNERS) or 'logits'


def _span(series):
  """The steps that all plots show, so that their curves line up."""
  steps = [step for points in series.values() for step in points]
  first, last = min(steps), max(steps)
  margin = (last - first) * .02 or 1.
  return first - margin, last + margin


def _plot(axes, title, curves):
  lost = 0
  drawn = []
  for color, (key, points) in zip(itertools.cycle(figure.COLORS),
                                  curves.items()):
    steps = np.array(list(points))
    values = np.array(list(points.values()))
    finite = np.isfinite(values)
    lost += np.sum(~finite)
    drawn.extend(values[finite])
    values = np.where(finite, values, np.nan)
    if len(steps) > _MANY:
      axes.plot(steps, values, color=color, linewidth=.8, alpha=.25)
      values = _running_mean(values, len(steps) // 50)
    # Few points are seen as points; a lone one would make no line at all.
    marker = 'o' if len(steps) <= 30 else None
    axes.plot(steps, values, color=color, linewidth=1.4, marker=marker,
              markersize=3, label=key)
  title = title if len(curves) > 1 else key
  figure.tidy(axes, f'{title} ({lost} not finite)' if lost else title)
  if len(curves) > 1:  # beside the title, where no curve can be
    axes.legend(fontsize=8, frameon=False, labelcolor=figure.INK, ncols=3,
                loc='lower right', bbox_to_anchor=(1.02, .97),
                handlelength=1., columnspacing=1.)
  if drawn and min(drawn) > 0. and max(drawn) >= 100. * min(drawn):
    axes.set_yscale('log')
  axes.xaxis.set_major_formatter(EngFormatter(sep=''))
  axes.xaxis.set_major_locator(
      MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))


def _running_mean(values, width):
  """Centred means of the finite values; NaN stays where it was."""
  finite = np.isfinite(values)
  total = np.convolve(np.where(finite, values, 0.), np.ones(width), 'same')
  count = np.convolve(finite, np.ones(width), 'same')
  return np.where(finite, total / np.maximum(count, 1.), np.nan)
