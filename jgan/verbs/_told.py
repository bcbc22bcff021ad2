"""What the files of a run tell, without its checkpoints.

A run that is training may be read: what is written meanwhile is replaced
atomically or read up to its last whole line.
"""
import json
import logging
import pathlib
import re
from typing import NamedTuple

from jgan import genotype as genotypes
from jgan.errors import UserError
from jgan.files import parsed
from jgan.run import findings, logbook, rollback, timing

log = logging.getLogger(__name__)

# What a page is made of, below the folder of a run.
_FILES = ('config.json', 'run.json', 'metrics.jsonl', 'evaluations.jsonl',
          'scores.jsonl', 'timing.jsonl', 'findings.jsonl',
          'rollbacks.jsonl', 'genotype.json',
          'samples/*.png', 'genotypes/*.json', 'plots/*.png',
          'sensitivity/sensitivity.json', '../sensitivity/sensitivity.json')


class Told(NamedTuple):
  """The files of one run.

  Attributes:
    folder: its workdir, a Path.
    config: config.json, {} without one.
    environment: run.json, {} without one.
    logged: records of metrics.jsonl.
    timing: records of timing.jsonl.
    grids: {step: the sample grid}, paths by rising steps.
    side: of the images in them; 0 if it is not known.
    pictures: {name: path} of plots that `evaluate` drew.
    sensitivity: sensitivity.json; None without one.
    genotype: that a search found, or the generator is made of; None without.
    genotypes: {step: genotype} of a search.
    findings: records of findings.jsonl.
    rollbacks: records of rollbacks.jsonl.
  """
  folder: pathlib.Path
  config: dict
  environment: dict
  logged: list
  timing: list
  grids: dict
  side: int
  pictures: dict
  sensitivity: dict | None
  genotype: dict | None
  genotypes: dict
  findings: list
  rollbacks: list


def read(folder):
  """The Told of a workdir."""
  folder = pathlib.Path(folder)
  config = _object(folder / 'config.json')
  shape = _object(folder / 'images.json').get('shape', [])
  history = {step: genotype
             for step, path in _numbered(folder, 'genotypes', 'json')
             if (genotype := _genotype(path))}
  newest = history[max(history)] if history else None
  return Told(
      folder=folder, config=config, environment=_object(folder / 'run.json'),
      logged=logbook.read(folder), timing=timing.read(folder),
      grids=dict(_numbered(folder, 'samples', 'png')),
      side=shape[1] if len(shape) == 4 and shape[1] == shape[2] else 0,
      pictures={name: path for name in ('neighbours', 'spectra')
                if (path := folder / 'plots' / f'{name}.png').is_file()},
      sensitivity=_sensitivity(folder),
      genotype=(_genotype(folder / 'genotype.json') or newest
                or _own_genotype(config)),
      genotypes=history, findings=findings.read(folder),
      rollbacks=rollback.read(folder))


def stamp(folder):
  """What changes when a file does that a page is made of: a tuple."""
  stamps = []
  for pattern in _FILES:
    for path in sorted(pathlib.Path(folder).glob(pattern)):
      try:
        status = path.stat()
      except FileNotFoundError:  # a temporary one, or replaced just now
        continue
      stamps.append((str(path), status.st_mtime_ns, status.st_size))
  return tuple(stamps)


def _numbered(folder, part, suffix):
  """(step, path) of the files PART/STEP.SUFFIX, by rising steps."""
  paths = (folder / part).glob(f'*.{suffix}')
  return sorted((int(path.stem), path) for path in paths
                if re.fullmatch(r'\d+', path.stem))


def _object(path):
  """The object in a JSON file; {} without one, or if it is another thing."""
  try:
    content = parsed(path.read_bytes())
  except FileNotFoundError:
    return {}
  except ValueError as error:
    log.warning('%s is damaged, and left out: %s', path, error)
    return {}
  return content if isinstance(content, dict) else {}


def _sensitivity(folder):
  """sensitivity.json of a run; the pipeline's stands beside its dense run."""
  places = [folder] + [folder.parent] * (folder.name == 'dense')
  for place in places:
    trials = _object(place / 'sensitivity' / 'sensitivity.json')
    if {'base', 'metric', 'better', 'rows'} <= {*trials}:
      return trials
  return None


def _genotype(path):
  """The genotype in a file; None without one, or if it is malformed."""
  content = _object(path)
  if not content:
    return None
  try:
    genotypes.check(content, path)
  except UserError as error:
    log.warning('%s: it is left out', error)
    return None
  return content


def _own_genotype(config):
  """The genotype that a run's generator is made of; None without one."""
  text = config.get('generator', {}).get('genotype', '')
  if not text:
    return None
  try:
    return genotypes.load(text)
  except UserError as error:
    log.warning('%s: it is left out', error)
    return None


def flat(config):
  """{'a.b': value as text} of a plain config; of a list its JSON."""
  def walk(tree, prefix):
    for key, value in tree.items():
      if isinstance(value, dict) and value:
        yield from walk(value, f'{prefix}{key}.')
      else:
        yield prefix + key, (value if isinstance(value, str)
                             else json.dumps(value))
  return dict(walk(config, ''))
