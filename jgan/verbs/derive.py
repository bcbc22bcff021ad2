"""The verb `derive`: the genotype that a search found."""
import json
import logging
import pathlib

import jax
import numpy as np

from jgan import genotype
from jgan.errors import UserError
from jgan.report import genotype_graph
from jgan.score.networks import Scoring
from jgan.workdir import append
from jgan.workdir import records as lines

log = logging.getLogger(__name__)


def write(config, method, state, out, *, candidates=0, folder='', data_dir=''):
  """Writes one genotype, what the logits say or the best of some drawn, and
  its picture beside it.

  Args:
    config: completed; of the search.
    method: Method with a search.
    state: GanState of it.
    out: .json file to write.
    candidates: architectures to draw from the space and score with the
      super-network's averaged weights, beside the derived one if there is
      one; the lowest score wins. 0: no scoring.
    folder: candidates.jsonl stands there; a repeated command goes on in it.
    data_dir: where data sets are found.

  Returns:
    The path written.

  Raises:
    UserError: the method does not search, or there is nothing to score by.
  """
  search = method.search
  if not search:
    raise UserError(f"method '{config.method.name}' does not search: there is "
                    'no genotype to derive')
  if not candidates and not search.derive:
    raise UserError(f"method '{config.method.name}' only draws architectures: "
                    'say how many to score, as --candidates=100')
  found = search.derive(state) if search.derive else None
  if candidates:
    found = best_of(config, method, state, found, candidates,
                    pathlib.Path(folder) / 'candidates.jsonl', data_dir)
  else:
    found['origin'] = f'{config.method.name}, step {int(state.step)}'
  path = pathlib.Path(out)
  genotype.save(path, found)
  genotype_graph.draw(path.with_suffix('.png'), found)
  return path


def best_of(config, method, state, derived, count, file, data_dir):
  """The best of `count` drawn genotypes and the derived one, by score.

  Every score is appended to `file`; one that stands there, of the same step
  and made the same way, is not made again.
  """
  scoring = Scoring(config, data_dir)
  sample = jax.jit(method.sample)
  rng = np.random.default_rng(config.seed)
  drawn = [*([derived] if derived else []),
           *(method.search.draw(rng) for _ in range(count))]
  about = {'step': int(state.step), **scoring.about}
  made = {json.dumps(line['genotype'], sort_keys=True): line['values']
          for line in lines(file)
          if about == {key: line.get(key) for key in about}}
  rows = []
  for i, one in enumerate(drawn):
    key = json.dumps(one, sort_keys=True)
    if key not in made:
      net = method.search.select(state.ema, one)
      made[key], _ = scoring.score(sample, net, method.latent)
      append(file, {**about, 'genotype': one, 'values': made[key]})
    rows.append((scoring.decisive(made[key])[1], i, one))
    log.info('candidate %d of %d: %.5g', i + 1, len(drawn), rows[-1][0])
  score, i, best = min(rows, key=lambda row: row[:2])
  return {**best, 'origin': f'{config.method.name}, step {int(state.step)}, '
          f'best of {len(drawn)}: {score:.6g}'}

