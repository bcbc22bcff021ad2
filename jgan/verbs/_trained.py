"""What runs reached that trained a genotype from scratch."""
import json
import pathlib

from jgan import config as configs
from jgan import genotype as genotypes
from jgan.errors import UserError
from jgan.score import labels, record


def key(genotype):
  """A name of an architecture: its space and its generator's cells."""
  return json.dumps([genotype['space'], genotype.get('generator')],
                    sort_keys=True)


def scores(places):
  """The best scores of trainings: {key of a genotype: text of them}.

  Args:
    places: workdirs of runs, and folders of workdirs. Of several runs of one
      genotype the best counts, of several protocols the usual one of a run.

  Returns:
    Texts like 'step 800, eval/FID 12.5, eval/IS 8'.

  Raises:
    UserError: a place has no run of a genotype that has scores.
  """
  best = {}
  for place in places:
    runs = [_of_run(file.parent)
            for file in sorted(pathlib.Path(place).rglob('config.json'))]
    runs = [run for run in runs if run]
    if not runs:
      raise UserError(f'--trained={place} has no scored run of a genotype: a '
                      'workdir of --mode=train with config.generator.genotype, '
                      'or a folder of some, would be right')
    for name, cost, text in runs:
      if name not in best or cost < best[name][0]:
        best[name] = cost, text
  return {name: text for name, (_, text) in best.items()}


def _of_run(folder):
  """(key of the genotype, cost, text of the scores) of a run, or None."""
  config = configs.from_record(configs.recorded(folder))
  genotype = config.generator.get('genotype', '')
  if not (genotype.startswith('{') or genotype in genotypes.names()):
    return None
  label = config.checkpoint.best.removeprefix('eval/')
  scored = record.comparable(record.of_average(folder), label)
  if not scored:
    return None
  better = labels.better(label)
  cost = lambda line: labels.cost(line['values'][label], better)
  best = min(scored, key=cost)
  values = ', '.join(f'eval/{name} {value:.6g}'
                     for name, value in best['values'].items())
  return key(genotypes.load(genotype)), cost(best), (
      f'step {best["step"]}, {values}')
