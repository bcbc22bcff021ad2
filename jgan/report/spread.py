"""Plot of one score of several runs over one another, with their spread."""
import itertools

import numpy as np
from matplotlib import ticker

from jgan.errors import UserError
from jgan.report import figure


def draw(path, groups, *, label, axis, logarithmic=False):
  """Plots the mean course of each group, and a band of a standard deviation.

  As figure 8 of Durall et al. (2021) and figure 4 of Zhang et al. A group of
  several runs has their single courses too, faint, and its mean and deviation
  (ddof 1) where all of them have a score.

  Args:
    path: of the PNG to write.
    groups: {name: [{place on the axis: value}, one of each run]}.
    label: of the values.
    axis: what the places are, as 'epoch'.
    logarithmic: the scale of the values.

  Raises:
    UserError: nothing to draw.
  """
  groups = {name: [course for course in courses if course]
            for name, courses in groups.items()}
  groups = {name: courses for name, courses in groups.items() if courses}
  if not groups:
    raise UserError(f"no scores '{label}' to draw: runs that were scored would "
                    'be right')
  page = figure.new(6.4, 3.8)
  axes = page.add_subplot()
  figure.tidy(axes, label)
  for color, (name, courses) in zip(itertools.cycle(figure.COLORS),
                                    groups.items()):
    places = sorted(set.intersection(*map(set, courses)))
    values = np.array([[course[place] for place in places]
                       for course in courses])
    if len(courses) > 1:
      for course in courses:
        axes.plot(sorted(course), [course[x] for x in sorted(course)],
                  color=color, linewidth=.7, alpha=.35)
      mean, std = values.mean(0), values.std(0, ddof=1)
      axes.fill_between(places, mean - std, mean + std, color=color, alpha=.15,
                        linewidth=0)
      name = f'{name} ({len(courses)} seeds)'
    else:
      mean = values[0]
    axes.plot(places, mean, color=color, linewidth=1.5,
              marker='o' if len(places) <= 30 else None, markersize=3,
              label=figure.letters(name))
  if logarithmic:
    axes.set_yscale('log')
    axes.yaxis.set_major_formatter('{x:g}')
    axes.yaxis.set_minor_formatter(ticker.LogFormatter())
  axes.set_xlabel(axis, fontsize=9, color=figure.INK)
  axes.legend(fontsize=8, frameon=False, labelcolor=figure.INK)
  figure.save(path, page)
