"""Genotypes: which operation stands on each edge of a searched network.

A genotype is a plain dict, as its JSON file:

  {'space': a name in jgan/spaces,
   'origin': where it comes from, free text, optional,
   'generator': one {edge: operation} per cell,
   'discriminator': likewise, optional}

The space says which cells, edges and operations there are; what all spaces
share is here.
"""
import json
import math
import pathlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from jgan import lookup
from jgan.errors import UserError

_FOLDER = pathlib.Path(__file__).parent / 'genotypes'
_PLAYERS = ('generator', 'discriminator')
_KEYS = ('space', 'origin', *_PLAYERS)


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


def names():
  """Lists the published genotypes, the files of jgan/genotypes."""
  return sorted(file.stem for file in _FOLDER.glob('*.json'))


def load(name):
  """Reads a genotype: a published one's name, a file's path, or JSON itself.

  Raises:
    UserError: there is none, or it is malformed.
  """
  if str(name).startswith('{'):
    genotype = _parsed(name.encode(), 'given')
    check(genotype)
    return genotype
  file = _FOLDER / f'{name}.json' if name in names() else pathlib.Path(name)
  if not file.is_file():
    raise UserError(f"genotype '{name}' is neither a file nor a name: "
                    f'{lookup.nearest(name, names())}')
  genotype = _parsed(file.read_bytes(), file)
  check(genotype, file)
  return genotype


def inlined(name):
  """The same genotype without its file: JSON for a path, else as it is."""
  if name in names() or not name.endswith('.json'):
    return name
  return json.dumps(load(name))


def save(path, genotype):
  """Writes a genotype as JSON, one line per cell, and its folder.

  Raises:
    UserError: it is malformed; nothing is written.
  """
  check(genotype, path)
  lines = [f'  "{key}": {json.dumps(genotype[key])}'
           for key in ('space', 'origin') if key in genotype]
  space = lookup.find('spaces', genotype['space'])
  for player in _PLAYERS:
    if player in genotype:
      cells = ',\n'.join(
          '    ' + json.dumps({name: cell[name] for name in edges})
          for cell, edges in zip(genotype[player], space.allowed(player)))
      lines.append(f'  "{player}": [\n{cells}\n  ]')
  path = pathlib.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text('{\n' + ',\n'.join(lines) + '\n}\n', encoding='utf-8')


def check(genotype, source='given'):
  """Refuses what no network could be built from.

  Args:
    genotype: as it came from JSON.
    source: where it came from, for the message.

  Raises:
    UserError: a wrong key, space, cell, edge or operation, or a node that
      nothing reaches; says where it stands.
  """
  where = f'genotype {source}'
  if not isinstance(genotype, Mapping):
    raise UserError(f'{where} is a {type(genotype).__name__}, an object with '
                    f'{", ".join(_KEYS)} is needed')
  for key in genotype:
    if key not in _KEYS:
      raise UserError(f"{where} has an unknown key '{key}': "
                      f'{lookup.nearest(key, _KEYS)}')
  for key in ('space', 'generator'):
    if key not in genotype:
      raise UserError(f"{where} has no '{key}', only: "
                      f'{", ".join(sorted(genotype)) or "nothing"}')
  name, spaces = genotype['space'], lookup.names('spaces')
  if name not in spaces:
    raise UserError(f"{where}: no space '{name}': "
                    f'{lookup.nearest(name, spaces)}')
  space = lookup.find('spaces', name)
  for player in _PLAYERS:
    if player in genotype:
      _check_cells(f'{where}: {player}', genotype[player],
                   space.allowed(player))
      for cell, why in space.broken(genotype[player], player):
        raise UserError(f'{where}: {player}, cell_{cell + 1}: {why}')


def _parsed(text, source):
  try:
    return json.loads(text.decode('utf-8'))
  except ValueError as error:
    raise UserError(f'genotype {source} is not JSON: {error}') from error


def _check_cells(where, cells, allowed):
  if not isinstance(cells, list) or len(cells) != len(allowed):
    found = len(cells) if isinstance(cells, list) else type(cells).__name__
    raise UserError(f'{where} is a list of {len(allowed)} cells, not {found}')
  for i, (cell, edges) in enumerate(zip(cells, allowed), 1):
    here = f'{where}, cell_{i}'
    if not isinstance(cell, Mapping):
      raise UserError(f'{here} is a {type(cell).__name__}; an object of edges '
                      f'and operations is needed: {", ".join(edges)}')
    for name in cell:
      if name not in edges:
        raise UserError(f"{here}: no edge '{name}': "
                        f'{lookup.nearest(name, edges)}')
    for name, edge in edges.items():
      if name not in cell:
        raise UserError(f"{here}: edge '{name}' is missing; it takes one of: "
                        f'{", ".join(edge.ops)}')
      if cell[name] not in edge.ops:
        raise UserError(f"{here}, edge {name}: no operation '{cell[name]}': "
                        f'{lookup.nearest(cell[name], edge.ops)}')


def strongest(scores, cells):
  """Per edge the operation of the highest score; of equals, the first.

  Args:
    scores: {part: [..., ops]}.
    cells: of one player, {name: Edge} each.

  Returns:
    {edge: operation} per cell.
  """
  found = []
  for edges in cells:
    rows = {name: edge.read(scores) for name, edge in edges.items()}
    found.append({name: max(row, key=row.get) for name, row in rows.items()})
  return found


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
  every = [edge for edges in cells for edge in edges.values()]
  arch = {}
  for part in dict.fromkeys(edge.part for edge in every):
    mine = [edge for edge in every if edge.part == part]
    rows = np.max([edge.row for edge in mine], axis=0) + 1
    arch[part] = np.zeros([*rows, max(len(edge.ops) for edge in mine)],
                          np.float32)
  for i, (chosen, edges) in enumerate(zip(genotype, cells), 1):
    for name, edge in edges.items():
      if chosen[name] not in edge.ops:
        raise UserError(f"cell_{i}, edge {name} is '{chosen[name]}', which "
                        'this search does not choose from: '
                        f'{", ".join(edge.ops)}')
      arch[edge.part][edge.row][edge.ops.index(chosen[name])] = 1.
  return arch


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
  return sum(math.log10(len(edge.ops))
             for edges in cells for edge in edges.values())


def histogram(genotypes, cells):
  """Counts operations by kind of edge: {part: {operation: count}}.

  Args:
    genotypes: of one player, {edge: operation} per cell each.
    cells: {name: Edge} each; what never occurs is counted 0.
  """
  counts = {}
  for edges in cells:
    for edge in edges.values():
      counts.setdefault(edge.part, {}).update(dict.fromkeys(edge.ops, 0))
  for genotype in genotypes:
    for chosen, edges in zip(genotype, cells):
      for name, edge in edges.items():
        counts[edge.part][chosen[name]] += 1
  return counts
