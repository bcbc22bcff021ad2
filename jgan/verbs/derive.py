"""Writes the genotype that a search found.

--out=FILE.json is the genotype, to be trained by
--config.generator.genotype=FILE.json, and FILE.png its picture.
"""
import json
import logging
import pathlib

import jax
import numpy as np

from jgan import build, genotype
from jgan import flags as common
from jgan.errors import UserError
from jgan.flags import Flag
from jgan.report import genotype_graph
from jgan.run import restore
from jgan.score.networks import Scoring
from jgan.workdir import append
from jgan.workdir import records as lines

log = logging.getLogger(__name__)


FLAGS = (
    common.CONFIG, common.WORKDIR, common.DATA_DIR,
    common.OUT._replace(required=False, help='The .json to write; else '
                        'genotype.json in --workdir.'),
    common.STEP, common.BEST,
    Flag('candidates', 0, 'Architectures to draw and score; 0: none.'),
)


def run(config, flags):
  """Derives from the checkpoint that the flags choose."""
  method = build.method(config)
  state = restore.state_of(config, method, flags.workdir, step=flags.step,
                           best=flags.best)
  out = flags.out or pathlib.Path(flags.workdir) / 'genotype.json'
  path = write(config, method, state, out, candidates=flags.candidates,
               folder=flags.workdir, data_dir=flags.data_dir)
  return f'{path}\n'


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

