"""How a search came to its genotype, as one PNG."""
import itertools
import math

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch

from jgan import space as spaces
from jgan.errors import UserError
from jgan.report import figure

_LABELS = 12  # of steps, at most


def draw(path, history, player='generator', *, scores=(), label=''):
  """Draws which operation stood on each edge at each step of a search.

  A row for each edge, a column for each step, coloured by the operation:
  families have their colour, their members shades of it. Beneath are the
  scores of the super-network, where they are known (Tian et al., 2020,
  figure 2, has those of the architectures trained anew).

  Args:
    path: of the PNG to write.
    history: {step: genotype}, all of one space.
    player: 'generator' or 'discriminator'.
    scores: of each step, None where it is not known.
    label: what they are called.

  Raises:
    UserError: no steps.
  """
  if not history:
    raise UserError('no steps to draw: a folder of a search that has saved '
                    'genotypes is needed')
  steps, genotypes = list(history), [*history.values()]
  rows = [(i, name) for i, cell in enumerate(genotypes[0][player])
          for name in cell]
  colors = _colors(spaces.find(genotypes[0]['space']))
  chosen = [[genotype[player][i][name] for genotype in genotypes]
            for i, name in rows]
  points = [(x, y) for x, y in enumerate(scores)
            if y is not None and math.isfinite(y)]

  width = 3.6 + max(3., min(9., .3 * len(steps)))
  tall = .19 * len(rows)
  page = figure.new(width, tall + .8 + 1.5 * bool(points))
  grid = page.add_gridspec(2 if points else 1, 1,
                           height_ratios=[tall, 1.2] if points else [1])
  axes = page.add_subplot(grid[0])
  axes.imshow(np.array([[colors[op] for op in row] for row in chosen]),
              aspect='auto', interpolation='nearest')
  figure.tidy(axes, f'{player}: operations during the search')
  axes.grid(visible=False)
  axes.set_yticks(range(len(rows)),
                  [f'cell {i + 1}  {name}' for i, name in rows])
  for y, ((before, _), (after, _)) in enumerate(itertools.pairwise(rows)):
    axes.axhline(y + .5, color='white', linewidth=.7 if before == after else 3.)
  # Where the choice of an edge changed.
  for y, row in enumerate(chosen):
    for x, (before, after) in enumerate(itertools.pairwise(row)):
      if before != after:
        axes.plot([x + .5] * 2, [y - .5, y + .5], color='white', linewidth=1.)
  lowest = axes
  if points:
    axes.tick_params(labelbottom=False)
    lowest = page.add_subplot(grid[1], sharex=axes)
    figure.tidy(lowest, label)
    lowest.plot(*zip(*points), color=figure.INK, linewidth=1., marker='.')
  apart = math.ceil(len(steps) / _LABELS)
  shown = range(len(steps) - 1, -1, -apart)  # the last step always
  lowest.set_xticks(shown, [f'{steps[i]:,}' for i in shown], rotation=45,
                    ha='right', rotation_mode='anchor')
  lowest.set_xlabel('step', fontsize=9, color=figure.INK)
  present = {op for row in chosen for op in row}
  page.legend(handles=[Patch(color=color, label=op)
                       for op, color in colors.items() if op in present],
              loc='outside right upper', fontsize=8, frameon=False,
              labelcolor=figure.INK)
  figure.save(path, page)


def _colors(space):
  """{operation: its colour}; members of a family from dark to light."""
  colors = {}
  for color, ops in zip(figure.FAMILY_COLORS, space.families().values()):
    for i, op in enumerate(ops):
      paler = .65 * i / max(len(ops) - 1, 1)
      colors[op] = tuple(c + paler * (1. - c) for c in to_rgb(color))
  return colors | {'none': to_rgb(figure.FAINT)}
