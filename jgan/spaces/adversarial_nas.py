"""The space of AdversarialNAS (Gao et al., 2020), 10^38 pairs of networks, and
of MMD-AdversarialNAS (Pulakurthi et al., 2024), whose third way up differs.

G has 3 cells, each doubling the map: 2 up edges, then 5 normal ones. D has 4,
each halving it: 5 normal edges, then 2 down ones. The cells' logits are
  generator: 'normal' [3, 5, 7], 'up' [3, 2, 3]
  discriminator: 'normal' [4, 5, 7], 'down' [4, 2, 6].

A search may offer other operations: `normal` and `up` of the generator,
`normal` and `down` of the discriminator, in the order of the logits. The
default of `up` is MMD-AdversarialNAS's; AdversarialNAS has 'conv_transpose'
third.
"""
import numpy as np
from scipy.special import log_softmax

from jgan import space
from jgan.errors import UserError
from jgan.space import Edge

NORMAL = ('none', 'skip', 'conv_1x1', 'conv_3x3', 'conv_5x5', 'dil_conv_3x3',
          'dil_conv_5x5')
UP = ('nearest', 'bilinear', 'bicubic')
DOWN = ('avg_pool', 'max_pool', 'conv_3x3', 'conv_5x5', 'dil_conv_3x3',
        'dil_conv_5x5')

EVERY = {'normal': NORMAL, 'up': (*UP, 'conv_transpose'), 'down': DOWN}
# They keep the channels of images, which edges of D's first cell read. Its
# logits stay as wide as those of other cells; the last ones choose nothing.
_KEEP_CHANNELS = ('none', 'skip')

# Edges in order: name, the node they read, the node they add to, their kind.
_EDGES = {
    'generator': (
        ('up0', 'x', 'node0', 'up'), ('up1', 'x', 'node1', 'up'),
        ('c0', 'node0', 'node2', 'normal'), ('c1', 'node1', 'node2', 'normal'),
        ('c2', 'node0', 'node3', 'normal'), ('c3', 'node1', 'node3', 'normal'),
        ('c4', 'node2', 'node3', 'normal')),
    'discriminator': (
        ('c0', 'x', 'node0', 'normal'), ('c1', 'x', 'node1', 'normal'),
        ('c2', 'x', 'node2', 'normal'), ('c3', 'node0', 'node1', 'normal'),
        ('c4', 'node0', 'node2', 'normal'),
        ('down0', 'node1', 'node3', 'down'),
        ('down1', 'node2', 'node3', 'down')),
}

# For pictures. Nodes by their place in a cell, its input first, its output
# last; the fixed edges between cells.
NODES = {
    'generator': {'x': (0., 0.), 'node0': (1., 1.), 'node1': (1., -1.),
                  'node2': (1.7, 0.), 'node3': (3.2, 0.)},
    'discriminator': {'x': (0., 0.), 'node0': (1.3, 0.), 'node1': (2.3, 1.),
                      'node2': (2.3, -1.), 'node3': (3.3, 0.)},
}
SKIPS = {
    'generator': ({}, {'skip_1': Edge('cell_1/node2', 'node2', ('bilinear',))},
                  {'skip_1': Edge('cell_1/node2', 'node2', ('nearest',)),
                   'skip_2': Edge('cell_2/node2', 'node2', ('nearest',))}),
    'discriminator': ({}, {}, {}, {}),
}


def cells(player, *, normal=NORMAL, up=UP, down=DOWN):
  """The cells that a search chooses from: {name: Edge} each, in order.

  Raises:
    UserError: the discriminator's first cell has nothing to choose from.
  """
  offered = {'normal': tuple(normal), 'up': tuple(up), 'down': tuple(down)}
  from_image = tuple(op for op in normal if op not in _KEEP_CHANNELS)
  if player == 'discriminator' and not from_image:
    raise UserError(f'normal={tuple(normal)}: edges of the discriminator that '
                    "read images need an operation like 'conv_3x3', which "
                    'changes their channels')
  layout = []
  for i in range(3 if player == 'generator' else 4):
    edges, seen = {}, dict.fromkeys(offered, 0)
    for name, start, end, part in _EDGES[player]:
      images = player == 'discriminator' and i == 0 and start == 'x'
      edges[name] = Edge(start, end, from_image if images else offered[part],
                         part, (i, seen[part]))
      seen[part] += 1
    layout.append(edges)
  return layout


def _needs(cell, player):
  """Yields groups of edges of which one must be other than 'none'.

  Looks at the cell anew for each group: repairing one may need the next.
  """
  if player == 'generator':
    yield 'c0', 'c1'
    yield 'c2', 'c3', 'c4'
    return
  yield 'c1', 'c3'
  yield 'c2', 'c4'
  if cell['c3'] != 'none' or cell['c4'] != 'none':  # they read node0
    yield 'c0',


def broken(genotype, player):
  """Lists what is wrong with a genotype of one player: (cell, why)."""
  ends = {name: end for name, _, end, _ in _EDGES[player]}
  return [(i, f'no operation leads to {ends[group[0]]}: {" and ".join(group)} '
           f"{'are' if len(group) > 1 else 'is'} 'none'")
          for i, cell in enumerate(genotype) for group in _needs(cell, player)
          if all(cell[name] == 'none' for name in group)]


def derive(arch, player, cells, *, softmax_over_edges=False):
  """Takes the strongest operation of each edge, as the published code does.

  Where that leaves a node unreached, the edge that is surest of something
  other than 'none' gets the best such operation.

  Args:
    arch: {part: [cells, edges, operations]} logits.
    player: 'generator' or 'discriminator'.
    cells: of that player, as a search offered them.
    softmax_over_edges: compare the operations of D's normal edges after a
      softmax over the edges of a cell, a slip of the published code. Its down
      edges, and all edges of G, have it over operations.

  Returns:
    {edge: operation} per cell, valid.
  """
  over_edges = softmax_over_edges and player == 'discriminator'
  # Logarithms: small probabilities can still be told apart.
  scores = {part: log_softmax(np.asarray(logits, np.float64),
                              axis=1 if over_edges and part == 'normal' else -1)
            for part, logits in arch.items()}
  genotype = space.strongest(scores, cells)
  for cell, edges in zip(genotype, cells):
    for group in _needs(cell, player):
      if all(cell[name] == 'none' for name in group):
        rows = {name: edges[name].read(scores) for name in group}
        name = min(rows, key=lambda name: rows[name]['none'])
        del rows[name]['none']
        cell[name] = max(rows[name], key=rows[name].get)
  return genotype
