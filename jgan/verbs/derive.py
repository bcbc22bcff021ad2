"""Writes the genotype that a search found.

--out=FILE.json gets the genotype; --config.generator.genotype=FILE.json trains
its network. FILE.png gets a drawing of it. Of a search with a population, that
is the best member; FILE_front/ gets those that no other one beats both in score
and in size.
"""
import json
import logging
import pathlib

import numpy as np

from jgan import flags as common
from jgan import genotype
from jgan.errors import UserError
from jgan.flags import Flag
from jgan.report import genotype_graph
from jgan.run import restore
from jgan.score import labels
from jgan.score.networks import Scoring
from jgan.workdir import append, is_numbers, refuse_present
from jgan.workdir import records as lines

log = logging.getLogger(__name__)


FLAGS = (
    common.CONFIG, common.WORKDIR, common.DATA_DIR,
    common.OUT._replace(required=False, help='The .json to write; else '
                        'genotype.json in --workdir.'),
    common.STEP, common.BEST, common.OVERWRITE,
    Flag('candidates', 0, 'Architectures to draw and score; 0: as many as '
         'config.method.candidates says, if the method has it.'),
)


def run(config, flags):
  """Derives a genotype from the checkpoint that the flags choose.

  genotype.json in --workdir is that of the last command; a file that --out
  names may be of another search.
  """
  if flags.out and not flags.overwrite:
    refuse_present(flags.out)
  method, state = restore.chosen(config, flags)
  out = flags.out or pathlib.Path(flags.workdir) / 'genotype.json'
  path = write(config, method, state, out, candidates=flags.candidates,
               folder=flags.workdir, data_dir=flags.data_dir)
  return f'{path}\n'


def write(config, method, state, out, *, candidates=0, folder='', data_dir=''):
  """Writes the genotype of a search, and a drawing of it beside it.

  The genotype is the one derived from the architecture parameters, the best
  member of a population or, with `candidates`, the one with the best score.

  Args:
    config: completed; of the search.
    method: Method with a search.
    state: GanState of the search.
    out: .json file to write.
    candidates: number of architectures to draw from the search space, 0: as
      many as the method says. They, and the derived genotype if the method has
      one, are scored with the averaged weights of the super-network, unless
      there are none.
    folder: folder of candidates.jsonl; a repeated command reuses its scores.
    data_dir: folder of data sets.

  Returns:
    The path written.

  Raises:
    UserError: the method does not search, it derives no genotype and there
      are no candidates, there is no population yet, or config.eval has no
      metric to score by.
  """
  search = method.search
  if not search:
    raise UserError(f"method '{config.method.name}' does not search: there is "
                    'no genotype to derive')
  candidates = candidates or search.candidates
  if not candidates and not search.derive:
    raise UserError(f"method '{config.method.name}' only draws architectures: "
                    'say how many to score, as in --candidates=100')
  chosen = search.derive(state) if search.derive else None
  if search.derive and not chosen:
    raise UserError(f'step {int(state.step)} is of the warm-up, in which there '
                    'is no population: train further, or choose a later '
                    '--step')
  told = chosen.pop('origin', '') if chosen else ''
  if candidates:
    chosen = best_of(config, method, state, chosen, candidates,
                     pathlib.Path(folder) / 'candidates.jsonl', data_dir)
  else:
    chosen['origin'] = _origin(config, state, told)
  path = pathlib.Path(out)
  genotype.save(path, chosen)
  genotype_graph.draw(path.with_suffix('.png'), chosen)
  if search.front:
    folder = path.with_name(f'{path.stem}_front')
    for earlier in folder.glob('[0-9][0-9].json'):
      earlier.unlink()
    for i, one in enumerate(search.front(state)):
      genotype.save(folder / f'{i:02d}.json', {
          **one, 'origin': _origin(config, state, one['origin'])})
  return path


def _origin(config, state, *told):
  """Where a genotype comes from, and what is known of it."""
  return ', '.join(filter(None, [config.method.name, f'step {int(state.step)}',
                                 *told]))


def best_of(config, method, state, derived, count, file, data_dir):
  """The genotype with the best score: of `count` drawn and the derived one.

  Every score is appended to `file`. A genotype that has a score there, of the
  same step and scoring settings, is not scored again.
  """
  scoring = Scoring(config, data_dir)
  metric, better = scoring.decisive()
  sampler = scoring.sampler(method)
  rng = np.random.default_rng(config.seed)
  genotypes = [*([derived] if derived else []),
               *(method.search.draw(rng) for _ in range(count))]
  settings = {'step': int(state.step), **scoring.about}
  scores = {json.dumps(line['genotype'], sort_keys=True): line['values']
            for line in lines(file, 'genotype', 'values', fits=_fits)
            if settings == {key: line.get(key) for key in settings}}
  rows = []
  for i, candidate in enumerate(genotypes):
    key = json.dumps(candidate, sort_keys=True)
    if key not in scores:
      net = method.search.select(state.ema, candidate)
      scores[key], _ = scoring.score(sampler, net)
      append(file, {**settings, 'genotype': candidate, 'values': scores[key]})
    rows.append((scores[key][metric], i, candidate))
    log.info('candidate %d of %d: %.5g', i + 1, len(genotypes), rows[-1][0])
  score, i, best = min(rows, key=lambda row: (
      labels.cost(row[0], better), row[1]))
  return {**best, 'origin': _origin(
      config, state, f'best of {len(genotypes)}: {score:.6g}')}


def _fits(line):
  """Whether the values of a line are scores."""
  return isinstance(line['values'], dict) and is_numbers(
      line['values'].values())
