"""Looks at a run while it trains, and says early what goes wrong.

A symptom is a file of jgan/doctor. It is read from the records of metrics.jsonl
alone, so that a resumed run has the findings of an unbroken one.
"""
import itertools
import logging

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict

from jgan import build, observers, precision
from jgan import config as configs
from jgan.doctor._history import History
from jgan.run.findings import Findings

log = logging.getLogger(__name__)

_GONE = 4  # examinations in a row without a symptom after which it has gone


class Doctor:
  """Examines one run, from `start` of an earlier session on.

  Attributes:
    history: History, to which each record is added.
    findings: Findings.
  """

  def __init__(self, config, folder, logged, start, *, due=False):
    """Goes on from what earlier sessions found.

    Args:
      config: completed.
      folder: the workdir, a Path.
      logged: the records up to `start`.
      start, due: as of Findings.
    """
    self._config = config
    self._symptoms = observers.symptoms(config)
    self.findings = Findings(folder, start, due=due)
    self.history = History(
        logged, settings=flatten_dict(configs.plain(config), sep='.'),
        indifferent=lambda: indifferent(config),
        bits=8 if precision.of(config) == 'bfloat16' else 24)

  def examine(self, step):
    """Looks for symptoms in the records so far: -> new findings, a list.

    Each is logged and recorded where it begins, and again only after it has
    gone.
    """
    new, present = [], self.findings.present()
    for name, examine in self._symptoms.items():
      finding = examine(self.history)
      if finding and name not in present:
        log.warning('step %s  %s: %s. What may help: %s', f'{step:,}',
                    words(name), finding.evidence, finding.advice)
        new.append(self.findings.begins(step, name, finding))
      elif name in present and not finding and self._has_gone(
          step, examine):
        log.info('step %s  %s: gone', f'{step:,}', words(name))
        self.findings.gone(step, name)
    return new

  def tell(self):
    """Logs all findings of the run, at its end."""
    for record, gone in self.findings.spans():
      log.warning('%s from step %s%s: %s', words(record['symptom']),
                  f'{record["step"]:,}', f' to {gone:,}' if gone else ' on',
                  record['evidence'])

  def _has_gone(self, step, examine):
    return not any(examine(self.history.until(look))
                   for look in looks(self._config, step, _GONE))


def is_due(config, step):
  """Whether a run is examined after a step.

  At the first record after each `every` steps, so that dispatches have the
  ends that they have without a doctor.
  """
  each, every = config.log.every, config.doctor.every
  if not every or (step % each and step != config.steps):
    return False
  before = (step - 1) // each * each  # the record before this one
  return step // every > before // every


def looks(config, step, count):
  """The last steps up to `step` after which a run is examined, ascending.

  count: of them; fewer if there were not as many.
  """
  before = (s for s in range(step, 0, -1) if is_due(config, s))
  return [*itertools.islice(before, count)][::-1]


def indifferent(config):
  """D's loss if it gives all images the output 0; None if it has several.

  With several outputs no value is that of a perfect D.
  """
  if config.discriminator.get('outputs', 1) > 1 or config.loss.name == 'mmd':
    return None
  loss, zeros = build.loss(config), jnp.zeros(8)
  draws = {'rng': jax.random.key(0)} if loss.draws else {}
  return float(loss.discriminator(zeros, zeros, **dict(loss.traced), **draws))


def words(symptom):
  """'discriminator_saturated' as the log says it."""
  return symptom.replace('_', ' ')
