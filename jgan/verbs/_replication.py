"""The ledger as a document in GitHub Markdown."""
import shlex

from jgan.run import estimate

_HEAD = """# The ledger: every row of five papers

Written by `python -m jgan.main --mode=ledger --out=docs/replication.md`, never
by hand. For each row of each table, and each figure, of the papers whose
methods jgan has: the number that was published, ours, what it takes, and the
commands.

- **Published** numbers are as printed. The tables are data beside the
  experiments, `experiments/*/tables.toml`; the commands come from
  `experiments/recipes.toml`.
- **Ours** is of recorded runs of that very config, given by `--runs=FOLDER`;
  `not run` where there is none. Seeds are averaged.
- **Work** is in FLOPs, 2 for each multiply-accumulate of a convolution or
  matrix product: in training, counted in the program of a step
  ([cost.py](../jgan/run/cost.py)), and in scoring, of making the images and of
  the feature network. It is that of all commands of the row, also of those that
  another row shares.
- **Hours** are of one chip: a TPU v5e ({v5e:.0f} TFLOP/s of bfloat16) and an
  H100 ({h100:.0f}), at {share:.0%} of the peak if a paper's section says no
  other share. That share is an assumption: nothing here was measured on these
  devices. Networks whose penalty squares a gradient compute in float32, which
  is one pass of bfloat16 on the TPU and TF32 on the H100 ({tf32:.0f}); feature
  networks compute in full float32, six passes and {full:.0f} TFLOP/s.
  Compiling, reading images and the host's part of a score are left out.
- A row that jgan cannot make is **out**, with the reason.
- `DATA` is the folder of the data sets ([data.md](data.md)), `runs` that of the
  runs. A command that was stopped goes on where it was, if it is given again.
- Where papers and published code differ, [deviations.md](deviations.md) says
  what the experiments do.

{contents}
"""


def text(papers, entries, share):
  """The document.

  Args:
    papers: list of Paper, of _papers.py.
    entries: {(family, table, position of the row): {'cost', 'ours'}}.
    share: of the peak, where a paper has none of its own.
  """
  v5e, h100 = (estimate.DEVICES[name] for name in ('v5e', 'H100'))
  contents = '\n'.join(
      f'- [{paper.title}](#{anchor(paper.title)}): '
      f'{sum(table.count for table in paper.tables)} rows of '
      f'{len(paper.tables)} tables and figures' for paper in papers)
  parts = [_HEAD.format(
      v5e=v5e.bfloat16 / 1e12, h100=h100.bfloat16 / 1e12, share=share,
      tf32=h100.float32 / 1e12, full=h100.highest / 1e12, contents=contents)]
  for paper in papers:
    parts.append(_paper(paper, entries))
  return '\n'.join(parts)


def _paper(paper, entries):
  lines = [f'## {paper.title}', '', f'{paper.paper}.', '',
           f'Protocol: {paper.protocol}']
  if paper.share:
    lines += ['', f'Hours at {paper.share:.0%} of the peak: {paper.why}.']
  if paper.small:
    lines += ['', f'What was run: {paper.small}.']
  for table in paper.tables:
    lines += ['', *_table(paper, table, entries)]
  return '\n'.join([*lines, ''])


def _table(paper, table, entries):
  title = [f'### {paper.title}, {table.name}: {table.title}', '']
  if table.note:
    title += [table.note, '']
  rows = [(row, entries[paper.family, table.name, i])
          for i, row in enumerate(table.rows)]
  lines = [*title, '| row | data | published | ours | FLOPs: training, scoring '
           '| hours: v5e | H100 |', '|---|---|---|---|--:|--:|--:|']
  for row, entry in rows:
    lines.append(_line(row, entry))
  notes = [f'- {row.name}{f", {row.data}" if row.data else ""}: {row.note}'
           for row, _ in rows if row.note]
  lines += ['', *notes] if notes else []
  shown = [row for row, _ in rows if row.commands]
  for row in shown:
    lines += ['', *_commands(row)]
  return lines


def _line(row, entry):
  published = ', '.join(f'{metric} {value}' for metric, value
                        in row.published.items())
  if row.out:
    cells = [published, f'out: {row.out}', '', '', '']
  else:
    cost = entry['cost']
    cells = [published, entry['ours'] or 'not run',
             f'{_flops(cost["training"])}, {_flops(cost["scoring"])}',
             *(_hours(sum(cost['hours'][name].values()))
               for name in ('v5e', 'H100'))]
  return '| ' + ' | '.join([row.name, row.data, *cells]) + ' |'


def _commands(row):
  """A fold with the commands of a row, in order."""
  name = f'{row.name}, {row.data}' if row.data else row.name
  count = len(row.commands)
  lines = [f'<details><summary>{name}: {count} command'
           f'{"s" * (count > 1)}</summary>', '', '```sh']
  lines += [line for command in row.commands for line in wrapped(command)]
  return [*lines, '```', '', '</details>']


def wrapped(command):
  """A command as lines of a shell, of at most 80 characters where it can be."""
  words = ['python -m jgan.main', *map(shlex.quote, command)]
  lines, line = [], words[0]
  for word in words[1:]:
    if len(line) + len(word) + 3 > 80:
      lines.append(f'{line} \\')
      line = f'  {word}'
    else:
      line += f' {word}'
  return [*lines, line]


def _flops(amount):
  return f'{amount:.2g}' if amount else '0'


def _hours(amount):
  """Two digits, and no more of what is a guess."""
  if not amount:
    return '0'
  return f'{amount:.1f}' if amount < 10 else f'{float(f"{amount:.2g}"):,.0f}'


def anchor(title):
  """The anchor that GitHub and MyST give a heading."""
  return ''.join(c for c in title.lower().replace(' ', '-')
                 if c.isalnum() or c in '-_')
