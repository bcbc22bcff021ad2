"""The space of AdversarialNAS (Gao et al., 2020), 10^38 pairs of networks, and
of MMD-AdversarialNAS (Pulakurthi et al., 2024), whose third way up differs.

G has 3 cells, each doubling the map: 2 up edges, then 5 normal ones. D has 4,
each halving it: 5 normal edges, then 2 down ones. The cells' logits are
  generator: 'normal' [3, 5, 7], 'up' [3, 2, 3]
  discriminator: 'normal' [4, 5, 7], 'down' [4, 2, 6].

Of `up`, the operations of the up edges in the order of their logits: the
default is MMD-AdversarialNAS's; AdversarialNAS has 'conv_transpose' third.
"""
import numpy as np
from scipy.special import log_softmax

from jgan import genotype as genotypes
from jgan import lookup
from jgan.errors import UserError
from jgan.genotype import Edge

NORMAL = ('none', 'skip', 'conv_1x1', 'conv_3x3', 'conv_5x5', 'dil_conv_3x3',
          'dil_conv_5x5')
UP = ('nearest', 'bilinear', 'bicubic')
DOWN = ('avg_pool', 'max_pool', 'conv_3x3', 'conv_5x5', 'dil_conv_3x3',
        'dil_conv_5x5')

_EVERY_UP = (*UP, 'conv_transpose')
# D's first cell reads images there: no operation that keeps their 3 channels.
# The logits stay 7 wide; the last two choose nothing.
_FROM_IMAGE = NORMAL[2:]

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
# last; the fixed edges between cells; families of operations.
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
FAMILIES = {
    'convolution': ('conv_1x1', 'conv_3x3', 'conv_5x5'),
    'dilated convolution': ('dil_conv_3x3', 'dil_conv_5x5'),
    'identity': ('skip',),
    'interpolation': UP,
    'transposed convolution': ('conv_transpose',),
    'pooling': ('avg_pool', 'max_pool'),
}


def ops(player, *, up=UP):
  """Operations by kind of edge, in the order of the logits.

  Raises:
    UserError: `up` is empty or has an unknown operation.
  """
  unknown = [op for op in up if op not in _EVERY_UP]
  if unknown or not up:
    op = unknown[0] if unknown else ''
    raise UserError(f"up={tuple(up)}: no operation '{op}': "
                    f'{lookup.nearest(op, _EVERY_UP)}')
  if player == 'generator':
    return {'normal': NORMAL, 'up': tuple(up)}
  return {'normal': NORMAL, 'down': DOWN}


def cells(player, *, up=UP):
  """The cells that a search chooses from: {name: Edge} each, in order."""
  known = ops(player, up=up)
  found = []
  for i in range(3 if player == 'generator' else 4):
    edges, seen = {}, dict.fromkeys(known, 0)
    for name, start, end, part in _EDGES[player]:
      images = player == 'discriminator' and i == 0 and start == 'x'
      edges[name] = Edge(start, end, _FROM_IMAGE if images else known[part],
                         part, (i, seen[part]))
      seen[part] += 1
    found.append(edges)
  return found


def allowed(player):
  """The cells with every operation that a genotype may hold."""
  return cells(player, up=_EVERY_UP)


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


def valid(genotype, player):
  """Whether every node that must be reached is."""
  return not broken(genotype, player)


def derive(arch, player, *, up=UP, softmax_over_edges=False):
  """Takes the strongest operation of each edge, as the published code does.

  Where that leaves a node unreached, the edge that is surest of something
  other than 'none' gets the best such operation.

  Args:
    arch: {part: [cells, edges, operations]} logits.
    player: 'generator' or 'discriminator'.
    up: as above.
    softmax_over_edges: compare D's operations after a softmax over the edges
      of a cell, a slip of the published code; G has it over operations.

  Returns:
    {edge: operation} per cell, valid.
  """
  over_edges = softmax_over_edges and player == 'discriminator'
  # Logarithms: small probabilities can still be told apart.
  scores = {part: log_softmax(np.asarray(logits, np.float64),
                              axis=1 if over_edges else -1)
            for part, logits in arch.items()}
  layout = cells(player, up=up)
  found = genotypes.strongest(scores, layout)
  for cell, edges in zip(found, layout):
    for group in _needs(cell, player):
      if all(cell[name] == 'none' for name in group):
        rows = {name: edges[name].read(scores) for name in group}
        name = min(rows, key=lambda name: rows[name]['none'])
        del rows[name]['none']
        cell[name] = max(rows[name], key=rows[name].get)
  return found


def one_hot(genotype, player, *, up=UP):
  """Logits of 0 and 1 that choose a genotype of one player."""
  return genotypes.one_hot(genotype, cells(player, up=up))


def sample(rng, player, *, up=UP):
  """Draws a valid genotype of one player, all being equally likely.

  rng: np.random.Generator.
  """
  return genotypes.sample(rng, cells(player, up=up),
                          lambda genotype: valid(genotype, player))


def log10_size(*, up=UP):
  """Decimal logarithm of the number of pairs of networks, 38.2."""
  return sum(genotypes.log10_size(cells(player, up=up)) for player in _EDGES)


def histogram(several, player):
  """Counts operations by kind of edge in genotypes of one player."""
  return genotypes.histogram(several, allowed(player))
