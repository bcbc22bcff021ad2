"""What a symptom is read from: the records of a run, by name."""
import array
import bisect
import copy
import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np


class Finding(NamedTuple):
  """A symptom that a run shows.

  Attributes:
    evidence: what was measured, with the value that it is compared with.
    advice: what to do, with flags of the command line.
  """
  evidence: str
  advice: str


class History:
  """Every number that a run recorded, up to a step.

  Attributes:
    settings: {'optimizer.disc.lr': value} of the config, flat.
    indifferent: () -> D's loss if it gives all images the same output 0, or
      None if that says nothing: a loss that has no smallest value.
    bits: of the mantissa of D's outputs, 8 in bfloat16 and 24 in float32.
  """

  def __init__(self, records=(), *, settings: Mapping | None = None,
               indifferent: Callable = lambda: None, bits=24):
    self._columns, self._until = {}, None
    self.settings, self.bits = settings or {}, bits
    self.indifferent = functools.cache(indifferent)
    for record in records:
      self.add(record)

  def add(self, record):
    """Adds a record: {'step': ..., name: number}."""
    for name, value in record.items():
      if name != 'step':
        steps, values = self._columns.setdefault(
            name, (array.array('q'), array.array('d')))
        steps.append(record['step'])
        values.append(value)

  def until(self, step):
    """The History as it was after a step."""
    earlier = copy.copy(self)
    earlier._until = step
    return earlier

  def series(self, name, count=0):
    """Steps and values of a name, two arrays; empty if it was not recorded.

    count: the last ones only; 0: all.
    """
    steps, values = self._columns.get(name, ((), ()))
    end = len(steps) if self._until is None else bisect.bisect_right(
        steps, self._until)
    start = max(end - count, 0) if count else 0
    return (np.array(steps[start:end], np.int64),
            np.array(values[start:end], np.float64))

  def median(self, name, count, *, back=0):
    """Median of `count` values, `back` values before the last; None if fewer.

    One value may be noise, and one record in ten may be an accident.
    """
    _, values = self.series(name, count + back)
    if len(values) < count + back:
      return None
    return float(np.median(values[:count]))

  def of(self, key):
    """'--config.KEY' and its present value, for an advice."""
    value = self.settings.get(key)
    return f'--config.{key}' + ('' if value is None else f' (now {value!r})')
