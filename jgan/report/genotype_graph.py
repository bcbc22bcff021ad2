"""A searched network as a picture: its cells as graphs of operations."""
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyArrowPatch
from matplotlib.path import Path

from jgan import genotype as genotypes
from jgan import space as spaces
from jgan.errors import UserError
from jgan.report import figure

# In units of a space's layout, in which nodes lie about 1 apart.
_RADIUS = .19  # of a node
_GAP = 1.      # between two cells
_ARC = 1.65    # height of an edge to the next cell
_DEEP = -1.65  # and of one to a later cell, which passes below
_APART = .07   # of the arcs that end and start at the same node
_INCHES = 1.3  # of one unit
_GREY = '#999999'


def draw(path, genotype, player='generator'):
  """Draws the cells side by side: circles are nodes, arrows operations.

  Edges that hold 'none' are left out; nodes that nothing leads to are faint.
  Edges that skip from cell to cell are dashed, and grey where every network
  of the space has them.

  Args:
    path: of the PNG to write.
    genotype: as jgan.genotype.load returns it.
    player: 'generator' or 'discriminator'.

  Raises:
    UserError: the genotype is malformed, or has no such player.
  """
  genotypes.check(genotype)
  if player not in genotype:
    raise UserError(f"genotype has no '{player}', only: "
                    f'{", ".join(sorted(genotype))}')
  space = spaces.find(genotype['space'])
  nodes, count = space.nodes(player), len(genotype[player])
  stride = max(x for x, _ in nodes.values()) + _GAP
  places = {(i, node): np.array([x + i * stride, y])
            for i in range(count) for node, (x, y) in nodes.items()}
  arrows = list(_arrows(space, genotype[player], player))

  lines = [_line(places[start], places[end], _skipped(start, end, op))
           for start, end, op, _ in arrows]

  points = np.concatenate(lines)
  right, top = points.max(0) + .5
  bottom = points[:, 1].min() - .5
  page = figure.new(_INCHES * (right + .5), _INCHES * (top - bottom) + .4)
  axes = page.add_subplot()
  axes.set_axis_off()
  axes.set_aspect('equal')
  axes.set_xlim(-.5, right)
  axes.set_ylim(bottom, top)
  for line, (start, end, op, color) in zip(lines, arrows):
    _draw_arrow(axes, line, op, color, dashed=_skipped(start, end, op) > 0)
  first = next(iter(nodes))
  reached = {(0, first), *(end for _, end, _, _ in arrows)}
  for place, center in places.items():
    _draw_node(axes, center, place[1].removeprefix('node'), place in reached)
  for i in range(count):
    axes.text(places[i, first][0], -1.25, f'cell {i + 1}', fontsize=11,
              color=figure.INK, ha='center')
  _legend(page, space, {color for *_, color in arrows})
  figure.save(path, page)


def _arrows(space, cells, player):
  """Yields (start, end, operation, color); a node is (cell, name)."""
  colors = {op: color for color, ops in zip(figure.FAMILY_COLORS,
                                            space.families().values())
            for op in ops}
  first, *_, last = space.nodes(player)
  for i, (cell, edges, skips) in enumerate(zip(
      cells, space.allowed(player), space.skips(player))):
    if i:
      yield (i - 1, last), (i, first), '', figure.INK
    for name, edge in edges.items():
      if cell[name] != 'none':
        op = cell[name]
        yield _node(edge.start, i), (i, edge.end), op, colors[op]
    for edge in skips.values():
      yield _node(edge.start, i), (i, edge.end), edge.ops[0], _GREY


def _node(name, cell):
  """'cell_1/node2' -> (0, 'node2'), and 'node2' -> (cell, 'node2')."""
  other, _, node = name.rpartition('/')
  return (int(other.removeprefix('cell_')) - 1 if other else cell), node


def _skipped(start, end, op):
  """How many cells on an edge leads; 0 inside a cell and from end to start."""
  return end[0] - start[0] if op else 0


def _line(a, b, skipped):
  """The points of an edge from node a to node b, outside of both: [n, 2].

  Straight, or where it skips to another cell an arc.
  """
  t = np.linspace(0., 1., 401)[:, None]
  line = (1. - t) * a + t * b
  if skipped:
    # Half a superellipse: steep enough to pass beside the nodes.
    ends = np.array([a[0] + _APART, b[0] - _APART])
    turn = -np.cos(np.pi * t)
    flat = lambda x: np.sign(x) * np.abs(x)**.5
    height = _ARC if skipped == 1 else _DEEP
    line = np.hstack([ends.mean() + flat(turn) * np.ptp(ends) / 2.,
                      (1. - t) * a[1] + t * b[1]
                      + height * flat(np.sin(np.pi * t))])
  return line[(np.linalg.norm(line - a, axis=1) > _RADIUS)
              & (np.linalg.norm(line - b, axis=1) > _RADIUS)]


def _draw_arrow(axes, line, op, color, dashed):
  axes.add_patch(FancyArrowPatch(
      path=Path(line), arrowstyle='-|>', mutation_scale=11, color=color,
      linewidth=1.7, linestyle=(0, (4, 2)) if dashed else '-'))
  middle = len(line) // 2
  dx, dy = line[middle + 1] - line[middle - 1]
  axes.text(*line[middle], op, fontsize=8, color=color, ha='center',
            va='center', rotation=np.degrees(np.arctan2(dy, dx)),
            bbox={'facecolor': 'white', 'edgecolor': 'none', 'pad': 1.})


def _draw_node(axes, center, label, reached):
  color = figure.INK if reached else figure.FAINT
  axes.add_patch(Circle(center, _RADIUS, facecolor='white', edgecolor=color,
                        linewidth=1.4, zorder=3))
  axes.text(*center, label, fontsize=10, color=color, ha='center',
            va='center_baseline', zorder=4)


def _legend(page, space, used):
  """Names the families of operations that occur."""
  named = [(color, family) for color, family in zip(
      figure.FAMILY_COLORS, space.families()) if color in used]
  lines = [Line2D([], [], color=color, linewidth=2.4, label=family)
           for color, family in named]
  if _GREY in used:
    lines.append(Line2D([], [], color=_GREY, linewidth=1.7,
                        linestyle=(0, (4, 2)), label='in every network'))
  page.legend(handles=lines, loc='outside lower center', ncols=len(lines),
              fontsize=9, frameon=False, labelcolor=figure.INK)
