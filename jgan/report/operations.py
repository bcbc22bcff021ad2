"""Plot of the frequency of operations in the cells of searched networks."""
import numpy as np
from matplotlib.patches import Patch

from jgan.errors import UserError
from jgan.report import figure


def draw(path, counted):
  """Draws the distribution of operations (Tian et al., 2020, figures 7, 8).

  A column of plots for each cell, a plot for each kind of edge in it. Bars
  are fractions of that cell's edges of that kind, so that groups of different
  sizes can be compared; each is labelled with its count. Operations that never
  occur are left out.

  Args:
    path: of the PNG to write.
    counted: {group: [{kind of edge: {operation: count}} for each cell]}.

  Raises:
    UserError: nothing was counted.
  """
  operations = seen(counted)
  if not operations:
    raise UserError('no operations to draw: some genotypes are needed')
  cells = max(counted.values(), key=len)
  kinds = [[kind for kind in cell if kind in operations] for cell in cells]
  # The height of a row of plots is that of its longest list of operations.
  row_sizes = [max(len(operations[cell_kinds[row]]) for cell_kinds in kinds
                   if row < len(cell_kinds))
               for row in range(max(map(len, kinds)))]
  page = figure.new(3.3 * len(cells), 1. + sum(
      .6 + .1 * n * (1 + len(counted)) for n in row_sizes))
  grid = page.add_gridspec(len(row_sizes), len(cells),
                           height_ratios=row_sizes)
  height = .8 / len(counted)
  for i, cell_kinds in enumerate(kinds):
    for row, kind in enumerate(cell_kinds):
      axes = page.add_subplot(grid[row, i])
      figure.tidy(axes, f'cell {i + 1}: {kind}')
      axes.grid(visible=False, axis='y')
      for j, group in enumerate(counted.values()):
        counts = [group[i][kind].get(op, 0) if group else 0
                  for op in operations[kind]]
        fractions = np.array(counts) / max(sum(counts), 1)
        ys = np.arange(len(counts)) + (j - (len(counted) - 1) / 2) * height
        axes.barh(ys, fractions, .9 * height, color=figure.COLORS[j])
        for y, fraction, count in zip(ys, fractions, counts):
          axes.annotate(str(count), (fraction, y), (3, 0),
                        textcoords='offset points', va='center', fontsize=7,
                        color=figure.INK)
      axes.set_yticks(range(len(operations[kind])), operations[kind])
      axes.set_ylim(len(operations[kind]) - .5, -.5)
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
      for kind, counts in cell.items():
        total = totals.setdefault(kind, dict.fromkeys(counts, 0))
        for op, count in counts.items():
          total[op] = total.get(op, 0) + count
  return {kind: [op for op, count in counts.items() if count]
          for kind, counts in totals.items() if any(counts.values())}
