"""Genotypes: which operation stands on each edge of a searched network.

A genotype is a plain dict, as its JSON file:

  {'space': a name in jgan/spaces,
   'origin': where it comes from, free text, optional,
   'generator': one {edge: operation} per cell,
   'discriminator': likewise, optional}

The space says which cells, edges and operations there are (jgan/space.py);
here genotypes are read, checked and written.
"""
import json
import os
import pathlib
from collections.abc import Mapping

from jgan import lookup
from jgan import space as spaces
from jgan.errors import UserError
from jgan.files import parsed, replacing

_FOLDER = pathlib.Path(__file__).parent / 'genotypes'
_PLAYERS = ('generator', 'discriminator')
_KEYS = ('space', 'origin', *_PLAYERS)


def names():
  """Lists the published genotypes, the files of jgan/genotypes."""
  return sorted(file.stem for file in _FOLDER.glob('*.json'))


def of_space(name, space, player, instead='one that has'):
  """One player's cells of a genotype, for the networks of one space.

  Args:
    name: as of `load`.
    space: the name of the space that the networks are of.
    player: 'generator' or 'discriminator'.
    instead: what else to give, for the error where it has no such player.

  Returns:
    {edge: (its operation,)} per cell.

  Raises:
    UserError: it is of another space, or has no such player.
  """
  genotype = load(name)
  if genotype['space'] != space:
    raise UserError(f"genotype '{name}' is of space '{genotype['space']}', "
                    f"these networks are of space '{space}'")
  if player not in genotype:
    raise UserError(f"genotype '{name}' has no {player}: give {instead}")
  return [{edge: (op,) for edge, op in cell.items()}
          for cell in genotype[player]]


def load(name):
  """Reads a genotype: a published one's name, a file's path, or JSON itself.

  Raises:
    UserError: there is none, or it is malformed.
  """
  if str(name).startswith('{'):
    genotype = _parsed(name.encode(), 'given')
    check(genotype)
    return genotype
  file = (_FOLDER / f'{name}.json' if name in names()
          else pathlib.Path(name).expanduser())
  if not os.path.isfile(file):
    raise UserError(f"genotype '{name}' is neither a file nor a name: "
                    f'{lookup.nearest(name, names())}')
  try:
    text = file.read_bytes()
  except OSError as error:
    raise UserError(f'cannot read {file}: {error.strerror}') from error
  genotype = _parsed(text, file)
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
  space = spaces.find(genotype['space'])
  for player in _PLAYERS:
    if player in genotype:
      cells = ',\n'.join(
          '    ' + json.dumps({name: cell[name] for name in edges})
          for cell, edges in zip(genotype[player], space.allowed(player)))
      lines.append(f'  "{player}": [\n{cells}\n  ]')
  path = pathlib.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  with replacing(path) as part:
    part.write_text('{\n' + ',\n'.join(lines) + '\n}\n', encoding='utf-8')


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
  if not isinstance(genotype.get('origin', ''), str):
    raise UserError(f"{where}: 'origin' is a "
                    f'{type(genotype["origin"]).__name__}, a text is needed')
  name, known = genotype['space'], lookup.names('spaces')
  if name not in known:
    raise UserError(f"{where}: no space '{name}': "
                    f'{lookup.nearest(name, known)}')
  space = spaces.find(name)
  for player in _PLAYERS:
    if player in genotype:
      _check_cells(f'{where}: {player}', genotype[player],
                   space.allowed(player))
      for cell, why in space.broken(genotype[player], player):
        raise UserError(f'{where}: {player}, cell_{cell + 1}: {why}')


def _parsed(text, source):
  try:
    return parsed(text.decode('utf-8'))
  except ValueError as error:
    raise UserError(f'genotype {source} is not JSON: {error}') from error


def _check_cells(where, cells, allowed):
  if not isinstance(cells, list) or len(cells) != len(allowed):
    count = len(cells) if isinstance(cells, list) else type(cells).__name__
    raise UserError(f'{where} is a list of {len(allowed)} cells, not {count}')
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
