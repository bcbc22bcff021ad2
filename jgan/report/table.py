"""Tables in GitHub Markdown that are also aligned as plain text."""
from typing import NamedTuple


class Table(NamedTuple):
  """A table and what has to be said about it.

  Attributes:
    rows: lists of equally many texts, the first one is the head; [] if there
      is nothing to say but the notes.
    notes: sentences below it.
  """
  rows: list
  notes: tuple = ()


def markdown(tables):
  """The lines of several tables with their notes, empty lines between."""
  parts = [part for table in tables for part in
           [*([lines(table.rows)] if table.rows else []),
            *([note] for note in table.notes)]]
  return [line for i, part in enumerate(parts)
          for line in [*([''] if i else []), *part]]


def lines(rows):
  """The lines of a table.

  Args:
    rows: lists of equally many texts; the first one is the head. The first
      column is aligned to the left, the others to the right.

  Returns:
    List of lines.
  """
  widths = [max(map(len, column)) for column in zip(*rows)]
  pad = lambda row: '| ' + ' | '.join(
      [row[0].ljust(widths[0]),
       *(x.rjust(w) for x, w in zip(row[1:], widths[1:]))]) + ' |'
  rule = '|'.join(['', '-' * (widths[0] + 2),
                   *('-' * (w + 1) + ':' for w in widths[1:]), ''])
  return [pad(rows[0]), rule, *map(pad, rows[1:])]
