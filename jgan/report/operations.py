"""How often operations stand in the cells of searched networks, as one PNG."""
import numpy as np
from matplotlib.patches import Patch

from jgan.errors import UserError
from jgan.report import figure


def draw(path, counted):
  """Draws the distribution of operations (Tian et al., 2020, figures 7, 8).

  A column of plots for each cell, a plot for each kind of edge in it. Bars
  are shares of that cell's edges of that kind, so that groups of different
  sizes compare; each bears its count. Operations that never occur are left
  out.

  Args:
    path: of the PNG to write.
    counted: {group: per cell {kind of edge: {operation: count}}}.

  Raises:
    UserError: nothing was counted.
  """
  known = seen(counted)
  if not known:
    raise UserError('no operations to draw: some genotypes are needed')
  cells = max(counted.values(), key=len)
  kinds = [[part for part in cell if part in known] for cell in cells]
  # A row of plots is as tall as the longest of them needs.
  tall = [max(len(known[parts[row]]) for parts in kinds if row < len(parts))
          for row in range(max(map(len, kinds)))]
  page = figure.new(3.3 * len(cells), 1. + sum(
      .6 + .1 * n * (1 + len(counted)) for n in tall))
  grid = page.add_gridspec(len(tall), len(cells), height_ratios=tall)
  height = .8 / len(counted)
  for i, parts in enumerate(kinds):
    for row, part in enumerate(parts):
      axes = page.add_subplot(grid[row, i])
      figure.tidy(axes, f'cell {i + 1}: {part}')
      axes.grid(visible=False, axis='y')
      for j, group in enumerate(counted.values()):
        numbers = [group[i][part].get(op, 0) if group else 0
                   for op in known[part]]
        shares = np.array(numbers) / max(sum(numbers), 1)
        places = np.arange(len(numbers)) + (j - (len(counted) - 1) / 2) * height
        axes.barh(places, shares, .9 * height, color=figure.COLORS[j])
        for place, share, number in zip(places, shares, numbers):
          axes.annotate(str(number), (share, place), (3, 0),
                        textcoords='offset points', va='center', fontsize=7,
                        color=figure.INK)
      axes.set_yticks(range(len(known[part])), known[part])
      axes.set_ylim(len(known[part]) - .5, -.5)
      axes.set_xlim(0., 1.12)
      axes.set_xticks([0., .5, 1.], ['0', '50 %', '100 %'])
  if len(counted) > 1:
    page.legend(handles=[Patch(color=color, label=name) for name, color in zip(
        counted, figure.COLORS)], loc='outside lower center', ncols=2,
        fontsize=8, frameon=False, labelcolor=figure.INK)
  figure.save(path, page)


def seen(counted):
  """{kind of edge: operations that occur in any group and cell, in order}."""
  totals = {}
  for cells in counted.values():
    for cell in cells:
      for part, ops in cell.items():
        known = totals.setdefault(part, dict.fromkeys(ops, 0))
        for op, number in ops.items():
          known[op] = known.get(op, 0) + number
  return {part: [op for op, number in ops.items() if number]
          for part, ops in totals.items() if any(ops.values())}
