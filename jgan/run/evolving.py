"""The generations of a search by evolution, between the steps of its run.

RUN/evolution.jsonl has a record of each individual that was scored:
{'step', 'generation', 'genotype', 'values', 'params', 'selected', ...}
(methods/evolution.py). No individual in it is born again; a run that was killed
and resumed writes the same file as an unbroken one.
"""
import logging

import jax
import numpy as np

from jgan import lookup
from jgan.methods import _search
from jgan.run import parallel
from jgan.score import labels
from jgan.workdir import append, cut, records

log = logging.getLogger(__name__)

_KEYS = ('step', 'generation', 'genotype', 'values', 'params', 'selected')


def steps(config):
  """Steps after which a generation is made; () of methods without any."""
  method = lookup.find('methods', config.method.name)
  return method.evolves(config) if hasattr(method, 'evolves') else ()


def read(workdir):
  """The records of a run."""
  return records(workdir / 'evolution.jsonl', *_KEYS)


class Evolving:
  """Makes the generations of one run, from `start` of an earlier session on."""

  def __init__(self, config, search, folder, start, scoring, where):
    """Drops records after step `start`.

    Args:
      config: completed.
      search: Search with `evolve`.
      folder: the workdir, a Path.
      start: the last step whose generation, if there is one, is made.
      scoring: scoring.Scoring of the run.
      where: parallel.Layout.

    Raises:
      UserError: there is no architecture within the limits, or no score by
        the name of config.checkpoint.best.
    """
    self._config, self._search = config, search
    self._scoring, self._where = scoring, where
    self._file = folder / 'evolution.jsonl'
    self._better = {label: direction for label, direction in
                    scoring.better.items() if direction != 'neither'}
    labels.chosen(config.checkpoint.best.removeprefix('eval/'),
                  scoring.better, 'config.checkpoint.best')
    # Each process reads for itself, perhaps while the first one cuts.
    self._seen = {_search.key(record['genotype']) for record in read(folder)
                  if record['step'] <= start}
    if jax.process_index() == 0 and self._file.is_file():
      cut(self._file, lambda record: record['step'] <= start, *_KEYS)
    if not self._seen:
      search.draw(np.random.default_rng(config.seed))

  def next(self, step, state):
    """The state with the next generation, and values for the run's record.

    Raises:
      signals.Asked: the processes are to stop after this step.
      UserError: there is no new individual.
    """
    memory = jax.tree.map(np.asarray, parallel.local(
        state.extra['evolution']))
    ema = parallel.local(state.ema)
    scores_of = lambda genotype: self._scoring.of(
        step, self._search.select(ema, genotype))
    memory, brood = self._search.evolve(
        memory, self._seen, scores_of, self._better,
        np.random.default_rng((self._config.seed, step)))
    self._seen |= {_search.key(record['genotype']) for record in brood}
    if jax.process_index() == 0:
      for record in brood:
        append(self._file, {'step': step, **record})
    chosen = [record['params'] for record in brood if record['selected']]
    values = {'generation': int(memory['generation']),
              'best': float(memory['score'][0]),
              'mean': float(memory['score'].mean()),
              'params': float(np.mean(chosen))}
    log.info('step %s  generation %d: %s, the best %.5g, %.3g million '
             'parameters on average', f'{step:,}', values['generation'],
             self._config.checkpoint.best, values['best'],
             values['params'] / 1e6)
    extra = {**state.extra, 'evolution': parallel.place(memory, self._where)}
    return state.replace(extra=extra), {
        f'evolution/{name}': x for name, x in values.items()}
