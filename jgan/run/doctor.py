"""Looks at a run while it trains, and says early what goes wrong.

A symptom is a file of jgan/doctor. It is read from the records of metrics.jsonl
alone, so a resumed run has the findings of an unbroken one: findings.jsonl has
a line where a symptom begins, and one where it has gone.
"""
import logging
import pathlib

import jax
import jax.numpy as jnp

from jgan import build, precision
from jgan import config as configs
from jgan.doctor._history import History
from jgan.workdir import append, cut, records

log = logging.getLogger(__name__)

_GONE = 4  # examinations in a row without a symptom after which it has gone
_DIVERSITY = 'doctor/diversity'  # recorded at each examination


def read(workdir):
  """The findings of a run.

  Returns:
    List of {'step', 'symptom', 'event', 'evidence', 'advice'}; 'event' is
    'begins' or 'gone', and the last two stand where it begins.
  """
  return records(pathlib.Path(workdir) / 'findings.jsonl', *_KEYS)


class Doctor:
  """Examines one run, from `start` of an earlier session on."""

  def __init__(self, config, folder, logged, start, *, due=False):
    """Reads what earlier sessions found; drops what is found again.

    Args:
      config: completed.
      folder: the workdir, a Path.
      logged: the records up to `start`.
      start: the step.
      due: the examination of `start` is still to be done.
    """
    self._file = folder / 'findings.jsonl'
    self._symptoms = build.symptoms(config)
    self._findings = cut(self._file, lambda r: r['step'] < start or (
        r['step'] == start and not due), *_KEYS) if (
            self._file.is_file()) else []
    self.history = History(
        logged, settings=flat(configs.plain(config)),
        indifferent=lambda: indifferent(config),
        bits=8 if precision.of(config) == 'bfloat16' else 24)

  def examine(self, step):
    """Looks for symptoms in the records so far: -> new findings, a list.

    Each is logged and recorded where it begins, and again only after it has
    gone.
    """
    new = []
    for name, examine in self._symptoms.items():
      finding, present = examine(self.history), name in self.present()
      if finding and not present:
        log.warning('step %s  %s: %s. What may help: %s', f'{step:,}',
                    words(name), finding.evidence, finding.advice)
        new.append(self._note(step, name, 'begins', **finding._asdict()))
      elif present and not finding and self._has_gone(examine):
        log.info('step %s  %s: gone', f'{step:,}', words(name))
        self._note(step, name, 'gone')
    return new

  def present(self):
    """{symptom: its record} of those that have begun and not gone."""
    last = {record['symptom']: record for record in self._findings}
    return {name: record for name, record in last.items()
            if record['event'] == 'begins'}

  def tell(self):
    """Logs all findings of the run, at its end."""
    for record in self._findings:
      if record['event'] == 'begins':
        gone = next((r['step'] for r in self._findings
                     if r['event'] == 'gone' and r['step'] > record['step']
                     and r['symptom'] == record['symptom']), None)
        log.warning('%s from step %s%s: %s', words(record['symptom']),
                    f'{record["step"]:,}',
                    f' to {gone:,}' if gone else ' on', record['evidence'])

  def _has_gone(self, examine):
    times, _ = self.history.series(_DIVERSITY, _GONE)
    return not any(examine(self.history.until(step)) for step in times)

  def _note(self, step, symptom, event, evidence='', advice=''):
    record = {'step': step, 'symptom': symptom, 'event': event,
              'evidence': evidence, 'advice': advice}
    append(self._file, record)
    self._findings.append(record)
    return record


_KEYS = ('step', 'symptom', 'event', 'evidence', 'advice')


def is_due(config, step):
  """Whether a run is examined after a step.

  At the first record after each `every` steps, so that dispatches have the
  ends that they have without a doctor.
  """
  each, every = config.log.every, config.doctor.every
  logs = step % each == 0 or step == config.steps
  return bool(every and logs and step // every > (step - 1) // each * each
              // every)


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


def flat(tree, prefix=''):
  """{'a.b': value} of nested dicts."""
  if not isinstance(tree, dict):
    return {prefix[:-1]: tree}
  return {k: v for key, value in tree.items()
          for k, v in flat(value, f'{prefix}{key}.').items()}
