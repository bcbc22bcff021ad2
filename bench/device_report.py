"""Rows that are measured one after the other until a deadline, and their file.

A row is written as soon as it is known: what is stopped keeps what it has.
"""
import json
import pathlib
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import NamedTuple

from jgan import failures
from jgan.files import replacing

COLUMNS = {
    'images/s': 'images_per_s', 'ms/step': 'ms_per_step',
    'TFLOP/s': 'tflop_per_s', 'of peak': 'mfu', 'compile, s': 'compile_s',
    'MiB': 'mib', 'jgan/PyTorch': 'ratio'}


class Absent(Exception):
  """What a row needs is not there: it is skipped, with this reason."""


class Row(NamedTuple):
  """Something to measure.

  Attributes:
    name: of the row, and after a comma the precision if it has several.
    seconds: that it takes at least, compiling included, as estimated. Where a
      row of the same network was measured before, the seconds of that count.
    measure: (seconds that are left) -> an iterator of dicts of values; with
      'status' unless it was measured.
    kept: seconds that the rows before it leave for it.
  """
  name: str
  seconds: float
  measure: Callable
  kept: float = 0.


class Report:
  """PATH (JSON) and the same as a table, PATH with the ending .md.

  Attributes:
    rows: dicts with 'row', 'status' (measured, skipped, failed or stopped),
      'why' unless it was measured, and what was measured.
    current: the name of the row that is being measured.
  """

  def __init__(self, path, about):
    """about: {name: value} of the machine, the versions and the protocol."""
    self._path, self._about = pathlib.Path(path), dict(about)
    self._lock = threading.RLock()
    self.rows, self.current = [], ''
    self._path.parent.mkdir(parents=True, exist_ok=True)
    self._write()

  def add(self, status, **values):
    """Adds a row, and shows it."""
    with self._lock:
      self.rows.append({'row': self.current, 'status': status, **values})
      self._write()
    said = ', '.join(_short(value) if key == 'why' else f'{key} {_short(value)}'
                     for key, value in values.items())
    sys.stdout.write(f'{self.current}: {status}: {said}\n')
    sys.stdout.flush()

  def table(self):
    """All rows in Markdown."""
    about = '; '.join(f'{key} {_short(value)}'
                      for key, value in self._about.items())
    lines = [about, '', f'| row | {" | ".join(COLUMNS)} | |',
             f'|---|{"--:|" * len(COLUMNS)}---|']
    for row in self.rows:
      rest = [f'{key} {_short(value)}' for key, value in row.items()
              if key not in ('row', 'status', 'why', *COLUMNS.values())]
      if row['status'] != 'measured':
        rest.insert(0, f'{row["status"]}: {row["why"]}')
      cells = [_short(row[key]) if key in row else ''
               for key in COLUMNS.values()]
      lines.append(f'| {row["row"]} | {" | ".join(cells)} '
                   f'| {"; ".join(rest)} |')
    return '\n'.join([*lines, ''])

  def _write(self):
    with replacing(self._path) as part:
      part.write_text(json.dumps({'about': self._about, 'rows': self.rows},
                                 indent=1) + '\n')
    with replacing(self._path.with_suffix('.md')) as part:
      part.write_text(self.table())


def follow(rows, report, deadline, now=time.monotonic):
  """Measures the rows in their order, those that still fit.

  A row that fails is reported with its reason, and the next one goes on.

  deadline: of the clock `now`, in seconds.
  """
  took = {}
  for i, row in enumerate(rows):
    network = row.name.partition(',')[0]
    seconds = took.get(network, row.seconds)
    left = deadline - now() - sum(later.kept for later in rows[i + 1:])
    report.current = row.name
    if left < seconds:
      report.add('skipped', why=f'it takes about {seconds:.0f} s, and '
                 f'{max(left, 0.):.0f} s are left for it')
      continue
    began = now()
    try:
      for values in row.measure(left):
        report.add(**{'status': 'measured', **values})
      took[network] = now() - began
    except Absent as reason:
      report.add('skipped', why=str(reason))
    except Exception as error:
      traceback.print_exc()
      report.add('failed', why=failures.brief(error))


def _short(value):
  if isinstance(value, float):
    return f'{value:,.0f}' if abs(value) >= 1000 else f'{value:.3g}'
  if isinstance(value, dict):
    return ', '.join(f'{key} {_short(x)}' for key, x in value.items())
  if isinstance(value, list):
    return ' '.join(map(_short, value))
  return str(value)
