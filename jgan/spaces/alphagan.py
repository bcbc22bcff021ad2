"""The space of alphaGAN (Tian et al., 2020): 2e11 generators, and 6561
discriminators for those who search them too.

A cell of G doubles the map. Its node 1 is the doubled input, node 4 the
output; node 1 of the first two cells is doubled on, once or twice, and added
to node 4 of every later cell. A cell of D is two edges in a row beside a
shortcut; the first two halve the map. The cells' logits are
  generator: 'normal' [3, 3, 6], 'up' [3, 2, 3], 'skip_2' [1, 3] of what the
    second cell gets from the first, 'skip_3' [2, 3] of what the third gets
    from the first and the second
  discriminator: 'normal' [4, 2, 3].

Of `normal` and `up`, the operations of G's edges in the order of the logits,
the defaults are the paper's; `up` is also for what skips to later cells.
"""
from jgan import space
from jgan.space import Edge

CONVS = ('conv_1x1', 'conv_3x3', 'conv_5x5')
NORMAL = (*CONVS, 'sep_conv_3x3', 'sep_conv_5x5', 'sep_conv_7x7')
UP = ('deconv', 'nearest', 'bilinear')

EVERY = {'normal': ('none', 'skip', *NORMAL),
         'up': (*UP, 'nearest_conv', 'bilinear_conv')}

# Edges in order: name, the node they read, the node they add to, their kind.
_EDGES = {
    'generator': (
        ('up_01', 'node0', 'node1', 'up'), ('up_03', 'node0', 'node3', 'up'),
        ('n_12', 'node1', 'node2', 'normal'),
        ('n_24', 'node2', 'node4', 'normal'),
        ('n_34', 'node3', 'node4', 'normal')),
    'discriminator': (
        ('n_01', 'node0', 'node1', 'normal'),
        ('n_12', 'node1', 'node2', 'normal')),
}

# For pictures. Nodes by their place in a cell, its input first, its output
# last; the fixed edges.
NODES = {
    'generator': {'node0': (0., 0.), 'node1': (1., .5), 'node2': (2.2, .5),
                  'node3': (1.8, -.5), 'node4': (3.4, 0.)},
    'discriminator': {'node0': (0., 0.), 'node1': (1.2, .8),
                      'node2': (2.4, 0.)},
}
_PROJECTED = {'shortcut': Edge('node0', 'node2', ('conv_1x1',))}
_SAME = {'shortcut': Edge('node0', 'node2', ('skip',))}
SKIPS = {'generator': ({}, {}, {}),
         'discriminator': (_PROJECTED, _PROJECTED, _SAME, _SAME)}


def cells(player, *, normal=NORMAL, up=UP):
  """The cells that a search chooses from: {name: Edge} each, in order."""
  if player == 'discriminator':
    normal = CONVS
  layout = []
  for i in range(3 if player == 'generator' else 4):
    offered, seen = {'normal': tuple(normal), 'up': tuple(up)}, {}
    edges = {}
    for name, start, end, part in _EDGES[player]:
      row = seen[part] = seen.get(part, -1) + 1
      edges[name] = Edge(start, end, offered[part], part, (i, row))
    for k in range(i if player == 'generator' else 0):
      edges[f'skip_{k + 1}'] = Edge(f'cell_{k + 1}/node1', 'node4', tuple(up),
                                    f'skip_{i + 1}', (k,))
    layout.append(edges)
  return layout


def broken(genotype, player):
  """Lists what is wrong with a genotype of one player: (cell, why)."""
  if player == 'discriminator':
    return []
  return [(i, 'nothing leads through it: n_34 and one of n_12, n_24 are '
           "'none'") for i, cell in enumerate(genotype)
          if cell['n_34'] == 'none' and 'none' in (cell['n_12'], cell['n_24'])]


def derive(arch, player, cells):
  """Takes the strongest operation of each edge; of equals, the first.

  Where 'none' is offered and that leaves no way through a cell, n_34 gets the
  best of its other operations.

  Args:
    arch: {part: [..., operations]} logits.
    player: 'generator' or 'discriminator'.
    cells: of that player, as a search offered them.

  Returns:
    {edge: operation} per cell, valid.
  """
  genotype = space.strongest(arch, cells)
  for i, _ in broken(genotype, player):
    row = cells[i]['n_34'].read(arch)
    del row['none']
    genotype[i]['n_34'] = max(row, key=row.get)
  return genotype
