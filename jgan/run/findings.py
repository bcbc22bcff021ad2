"""What the doctor has found in a run: RUN/findings.jsonl.

A line where a symptom begins, and one where it has gone. A run that was killed
and resumed writes the same file as an unbroken one.
"""
import pathlib

from jgan.workdir import append, cut, records

_KEYS = ('step', 'symptom', 'event', 'evidence', 'advice')


def read(workdir):
  """The records of a run.

  Returns:
    List of {'step', 'symptom', 'event', 'evidence', 'advice'}; 'event' is
    'begins' or 'gone', and the last two are texts where it begins.
  """
  return records(pathlib.Path(workdir) / 'findings.jsonl', *_KEYS, fits=_fits)


class Findings:
  """The findings of one run, from `start` of an earlier session on."""

  def __init__(self, folder, start, *, due=False):
    """Drops what is found again.

    due: the examination of `start` is still to be done.
    """
    self._file = folder / 'findings.jsonl'
    self._records = cut(self._file, lambda r: r['step'] < start or (
        r['step'] == start and not due), *_KEYS, fits=_fits) if (
            self._file.is_file()) else []

  def present(self):
    """{symptom: its record} of those that have begun and not gone."""
    last = {record['symptom']: record for record in self._records}
    return {name: record for name, record in last.items()
            if record['event'] == 'begins'}

  def begins(self, step, symptom, finding):
    """Records a Finding: -> its record."""
    return self._add(step, symptom, 'begins', *finding)

  def gone(self, step, symptom):
    """Records that a symptom has gone."""
    self._add(step, symptom, 'gone', '', '')

  def spans(self):
    """Yields (record where a symptom begins, step where it has gone or None).
    """
    for i, record in enumerate(self._records):
      if record['event'] == 'begins':
        yield record, next(
            (later['step'] for later in self._records[i:]
             if later['symptom'] == record['symptom']
             and later['event'] == 'gone'), None)

  def _add(self, *values):
    record = dict(zip(_KEYS, values, strict=True))
    append(self._file, record)
    self._records.append(record)
    return record


def _fits(record):
  return all(isinstance(record[key], str) for key in _KEYS[1:])
