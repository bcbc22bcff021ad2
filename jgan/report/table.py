"""Tables in GitHub Markdown that are also aligned as plain text."""


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
