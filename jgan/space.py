"""Spaces to search: which operation may stand on which edge of which cell.

A file of jgan/spaces must define

  cells(player, *, pool=(operations), ...): the cells of 'generator' or
    'discriminator' in order, a dict {name of an edge: Edge} for each; [] for
    a player that is not searched. Its keyword-only arguments are the pools of
    operations that a search offers, with their defaults; the fields of the
    same names of a super-network, which a config sets, replace them.

and may define, each with its default in Space:

  EVERY: {pool: operations}, what a genotype may hold beyond the default.
  broken(genotype, player): a list of (cell, why), what is wrong with it.
  derive(arch, player, cells, *, ...): logits to a genotype.
  NODES, SKIPS: places of nodes, and the fixed edges, in pictures.

Everything else follows from these. docs/extending_spaces.md adds a space step
by step.
"""
import functools
import inspect
import itertools
import math
from typing import NamedTuple

import numpy as np

from jgan import lookup
from jgan.errors import UserError

# What the operations of jgan/layers/mixed.py do to the size of a map; files
# of jgan/operations say it themselves.
_PLACES = {
    'keeps': ('none', 'skip', 'conv_1x1', 'conv_3x3', 'conv_5x5',
              'dil_conv_3x3', 'dil_conv_5x5'),
    'halves': ('avg_pool', 'max_pool', 'conv_1x1', 'conv_3x3', 'conv_5x5',
               'dil_conv_3x3', 'dil_conv_5x5'),
    'doubles': ('nearest', 'bilinear', 'bicubic', 'conv_transpose', 'deconv',
                'nearest_conv', 'bilinear_conv'),
}
# Operations of one colour in pictures, lighter from left to right.
_FAMILIES = {
    'convolution': ('conv_1x1', 'conv_3x3', 'conv_5x5'),
    'dilated convolution': ('dil_conv_3x3', 'dil_conv_5x5'),
    'separable convolution': ('sep_conv_3x3', 'sep_conv_5x5', 'sep_conv_7x7'),
    'identity': ('skip',),
    'interpolation': ('nearest', 'bilinear', 'bicubic'),
    'transposed convolution': ('conv_transpose', 'deconv'),
    'learnt interpolation': ('nearest_conv', 'bilinear_conv'),
    'pooling': ('avg_pool', 'max_pool'),
}


class Edge(NamedTuple):
  """A place in a cell where one of several operations stands.

  Attributes:
    start: the node it reads; 'cell_1/node2' is a node of another cell.
    end: the node it adds to.
    ops: names of the operations, in the order of the logits.
    part: which array of logits has its row; the kind of the edge.
    row: index of the row in that array.
  """
  start: str
  end: str
  ops: tuple
  part: str = ''
  row: tuple = ()

  def read(self, arch):
    """This edge's values in {part: [..., ops]}, by operation."""
    return dict(zip(self.ops, arch[self.part][self.row]))


@functools.cache
def find(name):
  """The Space of jgan/spaces/<name>.py."""
  return Space(lookup.find('spaces', name))


class Space:
  """A file of jgan/spaces, and the defaults of what it does not define.

  A genotype is here a list of {edge: operation}, one per cell, of one player.
  `pools` are keyword arguments of cells(), {pool: operations in the order of
  the logits}; those not given have their defaults.

  Attributes:
    pools: {pool: its default operations}.
  """

  def __init__(self, rules):
    self._rules = rules
    self.pools = {name: tuple(ops)
                  for name, ops in _keywords(rules.cells).items()}

  def declared(self, pool):
    """The operations of a pool that the space's own file names."""
    return tuple(dict.fromkeys(
        (*getattr(self._rules, 'EVERY', {}).get(pool, ()),
         *self.pools[pool])))

  def known(self, pool):
    """The operations that may be offered and stand in genotypes: those
    declared, and the files of jgan/operations that fit the same edges.
    """
    place = _place(self.pools[pool])
    files = [op for op in lookup.names('operations') if place in places(op)]
    return tuple(dict.fromkeys((*self.declared(pool), *files)))

  def offered(self, model):
    """{pool: operations} that a super-network's fields of these names hold."""
    return {pool: tuple(getattr(model, pool)) for pool in self.pools
            if hasattr(model, pool)}

  def cells(self, player, **pools):
    """The cells that a search chooses from: {name: Edge} each, in order.

    Raises:
      UserError: a pool has an unknown operation, or nothing but 'none'.
    """
    for pool, ops in pools.items():
      known = self.known(pool)
      for op in ops:
        if op not in known:
          raise UserError(f"{pool}={tuple(ops)}: no operation '{op}': "
                          f'{lookup.nearest(op, known)}')
      if set(ops) <= {'none'}:
        raise UserError(f'{pool}={tuple(ops)} is no choice: give some of '
                        f'{", ".join(known)}')
    return self._rules.cells(player, **pools)

  def ops(self, player, **pools):
    """{part of the logits: operations in their order}."""
    by_part = {}
    for edge in _edges(self.cells(player, **pools)):
      # Some edges have fewer operations than their part of the logits.
      by_part[edge.part] = max(by_part.get(edge.part, ()), edge.ops, key=len)
    return by_part

  def allowed(self, player):
    """The cells with every operation that a genotype may hold."""
    return self._rules.cells(
        player, **{pool: self.known(pool) for pool in self.pools})

  def own_cells(self, player):
    """The cells with every operation that the space's own file names."""
    return self._rules.cells(
        player, **{pool: self.declared(pool) for pool in self.pools})

  def broken(self, genotype, player):
    """Lists what is wrong with a genotype: (cell, why)."""
    rule = getattr(self._rules, 'broken', None)
    return rule(genotype, player) if rule else []

  def valid(self, genotype, player):
    """Whether a network can be built from a genotype."""
    return not self.broken(genotype, player)

  @property
  def quirks(self):
    """{keyword: default} that derive() takes beside the pools."""
    return _keywords(getattr(self._rules, 'derive', lambda: None))

  def derive(self, arch, player, **options):
    """The genotype of logits: the strongest operation of each edge, unless
    the space derives in another way.

    Args:
      arch: {part: [..., operations]} logits.
      player: 'generator' or 'discriminator'.
      **options: pools as of the search, and some of `self.quirks`.
    """
    quirks = {key: options.pop(key) for key in self.quirks if key in options}
    arch = {part: np.asarray(logits) for part, logits in arch.items()}
    cells = self.cells(player, **options)
    if hasattr(self._rules, 'derive'):
      return self._rules.derive(arch, player, cells, **quirks)
    return strongest(arch, cells)

  def one_hot(self, genotype, player, **pools):
    """Logits of 0 and 1 that choose a genotype."""
    return one_hot(genotype, self.cells(player, **pools))

  def sample(self, rng, player, **pools):
    """Draws a valid genotype, all being equally likely.

    rng: np.random.Generator.
    """
    return sample(rng, self.cells(player, **pools),
                  lambda genotype: self.valid(genotype, player))

  def log10_size(self, player, **pools):
    """Decimal logarithm of the number of genotypes of a player."""
    return log10_size(self.cells(player, **pools))

  def histogram(self, genotypes, player):
    """Counts operations by part of the logits, in all cells.

    What never occurs is counted 0 if the space's file names it.
    """
    return histogram(genotypes, self.own_cells(player))

  def nodes(self, player):
    """{node: (x, y)}, places in a picture of a cell, about 1 apart; its input
    first, its output last.
    """
    drawn = getattr(self._rules, 'NODES', {})
    return drawn[player] if player in drawn else placed(self.cells(player))

  def skips(self, player):
    """Per cell {name: Edge} of what every network of the space has."""
    drawn = getattr(self._rules, 'SKIPS', {})
    return drawn[player] if player in drawn else [
        {} for _ in self.cells(player)]

  def families(self):
    """{family: its operations}, of all that the space may hold."""
    every = {op: None for player in ('generator', 'discriminator')
             for edge in _edges(self.allowed(player)) for op in edge.ops}
    families = {family: tuple(op for op in ops if op in every)
                for family, ops in _FAMILIES.items()}
    known = {'none', *itertools.chain(*families.values())}
    families['other'] = tuple(op for op in every if op not in known)
    return {family: ops for family, ops in families.items() if ops}


def places(op):
  """What an operation can do to the size of a map: 'keeps', 'halves',
  'doubles'.
  """
  if op in lookup.names('operations'):
    return lookup.find('operations', op).PLACES
  return tuple(place for place, ops in _PLACES.items() if op in ops)


def _place(ops):
  """What all operations of a pool can do, 'keeps' where that is several."""
  shared = [place for place in _PLACES
            if all(place in places(op) for op in ops)]
  return shared[0] if shared else ''


def strongest(scores, cells):
  """Per edge the operation of the highest score; of equals, the first.

  Args:
    scores: {part: [..., ops]}.
    cells: of one player, {name: Edge} each.

  Returns:
    {edge: operation} per cell.
  """
  genotype = []
  for edges in cells:
    rows = {name: edge.read(scores) for name, edge in edges.items()}
    genotype.append({name: max(row, key=row.get)
                     for name, row in rows.items()})
  return genotype


def one_hot(genotype, cells):
  """Logits that choose a genotype: 1 for its operations, 0 for the others.

  Args:
    genotype: {edge: operation} per cell, of one player.
    cells: of that player, {name: Edge} each.

  Returns:
    {part: [..., ops] float32}.

  Raises:
    UserError: an operation that these cells do not have.
  """
  arch = {part: np.zeros(shape, np.float32)
          for part, shape in logit_shapes(cells).items()}
  for i, (chosen, edges) in enumerate(zip(genotype, cells), 1):
    for name, edge in edges.items():
      if chosen[name] not in edge.ops:
        raise UserError(f"cell_{i}, edge {name} is '{chosen[name]}', which "
                        'this search does not choose from: '
                        f'{", ".join(edge.ops)}')
      arch[edge.part][edge.row][edge.ops.index(chosen[name])] = 1.
  return arch


def logit_shapes(cells):
  """{part: shape of its logits, [..., ops]}, parts in the order of edges."""
  rows, widths = {}, {}
  for edge in _edges(cells):
    rows.setdefault(edge.part, []).append(edge.row)
    widths[edge.part] = max(widths.get(edge.part, 0), len(edge.ops))
  return {part: (*(int(n) + 1 for n in np.max(rows[part], axis=0)),
                 widths[part]) for part in rows}


def sample(rng, cells, valid):
  """Draws a genotype of one player, all valid ones being equally likely.

  Args:
    rng: np.random.Generator.
    cells: {name: Edge} each.
    valid: genotype -> whether a network can be built from it.
  """
  while True:
    drawn = [{name: edge.ops[rng.integers(len(edge.ops))]
              for name, edge in edges.items()} for edges in cells]
    if valid(drawn):
      return drawn


def log10_size(cells):
  """Decimal logarithm of how many ways there are to choose the operations."""
  return sum(math.log10(len(edge.ops)) for edge in _edges(cells))


def histogram(genotypes, cells):
  """Counts operations by kind of edge: {part: {operation: count}}.

  Args:
    genotypes: of one player, {edge: operation} per cell each.
    cells: {name: Edge} each; those of its operations that never occur are
      counted 0.
  """
  counts = {}
  for edge in _edges(cells):
    counts.setdefault(edge.part, {}).update(dict.fromkeys(edge.ops, 0))
  for genotype in genotypes:
    for chosen, edges in zip(genotype, cells):
      for name, edge in edges.items():
        count = counts[edge.part]
        count[chosen[name]] = count.get(chosen[name], 0) + 1
  return counts


def placed(cells):
  """Places nodes for a picture by the edges between them.

  From left to right by the longest way from the input; nodes as far from it
  stand above each other, single ones above and below the middle in turn, so
  that an edge past a node does not cross it.

  Args:
    cells: {name: Edge} each.

  Returns:
    {node: (x, y)}, the input first, the output last.
  """
  inside = [edge for edge in _edges(cells) if '/' not in edge.start]
  depth = dict.fromkeys((node for edge in inside
                         for node in (edge.start, edge.end)), 0)
  for _ in depth:  # longer ways than there are nodes do not exist
    for edge in inside:
      depth[edge.end] = max(depth[edge.end], depth[edge.start] + 1)
  columns = {}
  for node in sorted(depth, key=depth.get):
    columns.setdefault(depth[node], []).append(node)
  nodes = {}
  for x, column in columns.items():
    for i, node in enumerate(column):
      y = 1.6 * ((len(column) - 1) / 2 - i)
      if len(column) == 1 and 0 < x < len(columns) - 1:
        y = .6 if x % 2 else -.6
      nodes[node] = 1.3 * x, y
  return nodes


def _edges(cells):
  return [edge for edges in cells for edge in edges.values()]


def _keywords(function):
  """Keyword-only arguments of a function with their defaults."""
  parameters = inspect.signature(function).parameters.values()
  return {p.name: p.default for p in parameters if p.kind == p.KEYWORD_ONLY}
