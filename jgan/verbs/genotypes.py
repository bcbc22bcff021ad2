"""Counts operations over genotypes; draws them, and how a search went.

How often each stands in each cell, of good and of bad architectures (Tian et
al., 2020, appendix C), how a search came to its choice (figure 2), and the
graph of each genotype that is named by itself. --trained=FOLDER has runs that
trained such genotypes from scratch: their best scores take the place of those
of the super-network, and are written into the files of the genotypes.
"""
import json
import pathlib
import re
from collections.abc import Mapping
from typing import NamedTuple

from jgan import flags as common
from jgan import genotype as genotypes
from jgan import lookup
from jgan import space as spaces
from jgan.errors import UserError
from jgan.flags import Flag
from jgan.report import genotype_graph, operations, timeline
from jgan.score import labels
from jgan.verbs import _trained
from jgan.workdir import output, write_text

PLAYERS = ('generator', 'discriminator')


class Entry(NamedTuple):
  """A genotype and what is known of it.

  Attributes:
    source: the file, or the name of a published one.
    genotype: as jgan.genotype.load returns it.
    scores: {label: value} of its architecture.
  """
  source: str
  genotype: Mapping
  scores: Mapping


FLAGS = (
    Flag('genotypes', (), 'Files, published names, folders or workdirs, with '
         'commas.', required=True),
    common.OUT._replace(required=False,
                        help='Folder for tables and pictures; none without.'),
    Flag('label', '', 'The score that tells good ones, as FID.'),
    Flag('threshold', None, 'Genotypes with a better score are good.'),
    Flag('trained', (), 'Workdirs, or folders of some, of runs that trained '
         'the genotypes, with commas.'),
)


def run(config, flags):
  """Counts the genotypes that the flags name."""
  del config
  return write(flags.genotypes, flags.out, label=flags.label,
               threshold=flags.threshold, trained=flags.trained)


def write(places, out='', *, label='', threshold=None, trained=()):
  """Counts the operations of many genotypes.

  Args:
    places: files, published names, folders of files or workdirs of searches.
    out: a folder for operations.md (the returned text), operations.json (the
      counts), operations_PLAYER.png, and timeline_I_PLAYER.png of the I-th
      place, if its files are named by the steps of a search; '' for none.
    label: of the score to split and to draw by, as 'FID'; '' for the only one.
    threshold: genotypes with a better score are counted apart from the others.
      None: all are counted together.
    trained: workdirs of runs that trained genotypes of these, and folders of
      such workdirs; what they reached is written into the genotypes' files.

  Returns:
    Text: tables, as GitHub reads them.

  Raises:
    UserError: there are no genotypes, or of two spaces; no genotype has the
      score, or it is not said which; `out` cannot be written.
  """
  reached = _trained.scores(trained)
  series = [[_with_trained(entry, reached) for entry in gather(place)]
            for place in places]
  every = [entry for one in series for entry in one]
  if not every:
    raise UserError('no genotypes to count: --genotypes=A.json,FOLDER would be '
                    'right')
  names = sorted({entry.genotype['space'] for entry in every})
  if len(names) > 1:
    raise UserError(f'genotypes of the spaces {" and ".join(names)}: '
                    'operations can be counted in one only')
  label = chosen_label(every, label, needed=threshold is not None)
  groups = split(every, label, threshold)
  tables = {player: {name: count(group, player)
                     for name, group in groups.items()}
            for player in PLAYERS
            if any(player in entry.genotype for entry in every)}
  lines = [f'{len(every)} genotypes of space {names[0]}']
  lines += [f'- {name}: {len(group)}' for name, group in groups.items()
            if threshold is not None]
  for player, counted in tables.items():
    lines += ['', *table(player, counted)]
  text = '\n'.join([*lines, ''])
  if not out:
    return text
  folder = pathlib.Path(out)
  with output(out):
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / 'operations.md', text)
    write_text(folder / 'operations.json', json.dumps({
        'groups': {name: [entry.source for entry in group]
                   for name, group in groups.items()},
        'counts': tables}, indent=2) + '\n')
    written = [folder / 'operations.md', folder / 'operations.json']
    for player, counted in tables.items():
      written.append(folder / f'operations_{player}.png')
      operations.draw(written[-1], counted)
      for one in series:
        if len(one) == 1 and player in one[0].genotype:
          stem = pathlib.Path(one[0].source).stem
          written.append(folder / f'{stem}_{player}.png')
          genotype_graph.draw(written[-1], one[0].genotype, player)
      for i, one in enumerate(series, 1):
        steps = steps_of(one)
        if len(steps) > 1 and all(player in f.genotype for f in one):
          written.append(folder / f'timeline_{i}_{player}.png')
          timeline.draw(written[-1], dict(zip(steps, (
              entry.genotype for entry in one))), player,
              scores=[entry.scores.get(label) for entry in one], label=label)
  return '\n'.join([text, *map(str, written), ''])


def gather(place):
  """What stands at a place: of a workdir its genotypes/, sorted by name.

  Raises:
    UserError: nothing does, or it is no genotype.
  """
  path = pathlib.Path(place)
  if (path / 'genotypes').is_dir():
    path /= 'genotypes'
  names = ([str(file) for file in sorted(path.glob('*.json'))]
           if path.is_dir() else [str(place)])
  if not names:
    raise UserError(f'no genotypes in {path}: a folder of .json files, or the '
                    'workdir of a search, would be right')
  return [Entry(name, genotype, scores(genotype.get('origin', '')))
          for name in names for genotype in [genotypes.load(name)]]


def _with_trained(entry, reached):
  """An Entry with the scores of its own training, which its file gets too.

  reached: as from _trained.scores.
  """
  key = _trained.key(entry.genotype)
  if key not in reached:
    return entry
  origin, _, _ = entry.genotype.get('origin', '').partition('; trained')
  genotype = {**entry.genotype,
              'origin': f'{origin}; trained, {reached[key]}'.lstrip('; ')}
  if pathlib.Path(entry.source).is_file():
    genotypes.save(pathlib.Path(entry.source), genotype)
  return Entry(entry.source, genotype, scores(genotype['origin']))


def scores(origin):
  """The scores in the text that jgan writes beside a genotype.

  'run, step 8, eval/FID 12.5, eval/IS 8' -> {'FID': 12.5, 'IS': 8.}
  """
  number = r'[-+]?(?:\d[\d.]*(?:e[-+]?\d+)?|inf|nan)'
  return {name: float(value) for name, value in re.findall(
      rf'\beval/(\S+) ({number})(?=,|$)', origin)}


def steps_of(series):
  """The steps that files are named by, [] if they are not all."""
  stems = [pathlib.Path(entry.source).stem for entry in series]
  return [int(stem) for stem in stems] if all(
      stem.isdecimal() for stem in stems) else []


def chosen_label(every, label, needed):
  """Which score is meant; '' where none is known.

  Raises:
    UserError: it is needed or asked for, and unknown or not the only one.
  """
  known = list(dict.fromkeys(name for entry in every for name in entry.scores))
  if label and label not in known:
    raise UserError(f"no genotype has a score '{label}': "
                    f'{lookup.nearest(label, known)}')
  if needed and not known:
    raise UserError('--threshold needs scores, and no genotype has one: their '
                    "'origin' would say 'eval/FID 12.5'")
  if needed and not label and len(known) > 1:
    raise UserError(f'genotypes have several scores: --label={known[0]} or '
                    f'another of {", ".join(known)} must say which is meant')
  return label or (known[0] if known else '')


def split(every, label, threshold):
  """{name of a group: its genotypes}; what has no score is in none.

  Raises:
    UserError: neither the lower nor the higher of two such scores is better.
  """
  if threshold is None:
    return {'all': every}
  better = labels.chosen(label, {label: labels.better(label)}, '--label')
  known = [entry for entry in every if label in entry.scores]
  cost = lambda score: labels.cost(score, better)
  good = [entry for entry in known
          if cost(entry.scores[label]) < cost(threshold)]
  than, not_than = {'lower': ('<', '>='), 'higher': ('>', '<=')}[better]
  return {f'superior: {label} {than} {threshold:g}': good,
          f'inferior: {label} {not_than} {threshold:g}': [
              entry for entry in known if entry not in good]}


def count(group, player):
  """Per cell {kind of edge: {operation: how often}}, zeros too."""
  if not group:
    return []
  having = [entry.genotype for entry in group if player in entry.genotype]
  cells = spaces.find(group[0].genotype['space']).own_cells(player)
  return [spaces.histogram([[one[player][i]] for one in having], [edges])
          for i, edges in enumerate(cells)]


def table(player, counted):
  """Lines of a table per kind of edge: operations in each cell.

  counted: {group: as from `count`}.
  """
  lines = []
  for part, ops in operations.seen(counted).items():
    lines += [*([''] if lines else []),
              f'| {player}, {part} | {" | ".join(ops)} |',
              f'|---{"|--:" * len(ops)}|']
    for i in range(max(map(len, counted.values()))):
      for group, cells in counted.items():
        if i < len(cells) and part in cells[i]:
          name = f'cell {i + 1}' + f', {group}' * (len(counted) > 1)
          numbers = (str(cells[i][part].get(op, 0)) for op in ops)
          lines.append(f'| {name} | {" | ".join(numbers)} |')
  return lines
