"""Writes for every row of the papers' tables: commands, cost, and our number.

The tables are data beside the experiments (experiments/*/tables.toml), and the
commands those of experiments/recipes.toml; both can be extended. Every command
is parsed and its config completed, but nothing is trained. Work is counted by
tracing training steps, of each kind of network once, which takes many minutes
in all: --counted=FILE keeps what is counted, and takes from there what no
change of a config concerns.
"""
import functools
import json
import pathlib
import tempfile

from jgan import flags as common
from jgan.errors import UserError
from jgan.files import parsed
from jgan.flags import Flag
from jgan.run import estimate
from jgan.verbs import _ours, _papers, _rehearsal, _replication
from jgan.workdir import write_output

FLAGS = (
    common.OUT._replace(required=False, help='The document to write, .md.'),
    Flag('json', '', 'A file for the same as JSON, unrounded.'),
    Flag('counted', '', 'A file of counts to take from and to add to; that of '
         '--json will do.'),
    Flag('runs', (), 'Workdirs, or folders of some, of recorded runs, with '
         'commas.'),
    Flag('share', estimate.SHARE, 'Of the peak of a device, for the hours.'),
)
_UNIT = {'training': 0., 'scoring': 0., 'hours': {
    name: {'training': 0., 'scoring': 0.} for name in estimate.DEVICES}}


def run(config, flags):
  """Writes the ledger to --out and --json, or says how many rows it has."""
  del config
  if not 0. < flags.share <= 1.:
    raise UserError(f'--share={flags.share:g}: a share of the peak, above 0 '
                    'and at most 1, would be right')
  counted = read_counted(flags.counted)
  keep = functools.partial(keep_counted, flags.counted)
  papers = _papers.load()
  entries = gather(papers, share=flags.share, counted=counted,
                   results=_ours.gather(flags.runs),
                   keep=keep if flags.counted else None)
  written = []
  if flags.json:
    write_output(flags.json, json.dumps(
        as_json(papers, entries, counted), indent=1, ensure_ascii=False) + '\n',
        '--json')
    written.append(flags.json)
  if flags.out:
    write_output(flags.out, _replication.text(papers, entries, flags.share))
    written.append(flags.out)
  made = sum(not row.out for paper in papers for table in paper.tables
             for row in table.rows)
  return '\n'.join([f'{len(papers)} papers, {len(entries)} rows, {made} of '
                    'them by commands', *written, ''])


def gather(papers, *, share=estimate.SHARE, counted=None, results=(),
           keep=None):
  """Cost and results of each row.

  Args:
    papers: list of Paper.
    share: of the peak of a device, for papers without one of their own.
    counted: {program: counts} of jgan/run/cost.py, taken from and added to.
    results: of _ours.gather.
    keep: called with `counted` whenever a row has added to it.

  Returns:
    {(family, table, position of the row): {'cost' (None if it is out),
    'programs', 'ours' ('' if it was not run)}}.
  """
  counted = {} if counted is None else counted
  entries = {}
  with tempfile.TemporaryDirectory(prefix='jgan_') as folder:
    wanted = {paper.family for paper in papers}
    for paper in _papers.load(runs=folder):
      if paper.family not in wanted:
        continue
      rehearsal = _rehearsal.Rehearsal(folder, paper.share or share, counted)
      for table in paper.tables:
        for i, row in enumerate(table.rows):
          before = len(counted)
          entries[paper.family, table.name, i] = {
              **cost_of(rehearsal, row), 'ours': ours(rehearsal, row, results)}
          if keep and len(counted) > before:
            keep(counted)
  return entries


def cost_of(rehearsal, row):
  """The sum over a row's commands: {'cost', 'programs'}."""
  if row.out:
    return {'cost': None, 'programs': []}
  total, programs = json.loads(json.dumps(_UNIT)), []
  for command in row.commands:
    cost = rehearsal.cost(command)
    if not cost:
      continue
    if cost.get('program', '') not in ['', *programs]:
      programs.append(cost['program'])
    for key in ('training', 'scoring'):
      total[key] += cost[key]
      for name, hours in cost['hours'].items():
        total['hours'][name][key] += hours[key]
  return {'cost': total, 'programs': programs}


def ours(rehearsal, row, results):
  """What runs with the config of the row's last run reached, '' without any."""
  last = next((config for command in reversed(row.commands)
               if (config := rehearsal.config(command))), None)
  if last is None or not results:
    return ''
  key = _ours.key(last)
  same = [result for result in results if result.key == key]
  return _ours.text(same) if same else ''


def as_json(papers, entries, counted):
  """The ledger as JSON types."""
  return {
      'papers': [{
          'family': paper.family, 'title': paper.title, 'paper': paper.paper,
          'protocol': paper.protocol, 'tables': [{
              'name': table.name, 'title': table.title, 'count': table.count,
              'rows': [{
                  'row': row.name, 'data': row.data,
                  'published': row.published, 'commands': row.commands,
                  'out': row.out, 'note': row.note,
                  **entries[paper.family, table.name, i]}
                       for i, row in enumerate(table.rows)]}
              for table in paper.tables]} for paper in papers],
      'programs': counted}


def read_counted(file):
  """The counts in a file of --counted or --json: {program: counts}.

  file: '' or one that is not there gives no counts.

  Raises:
    UserError: it is another file.
  """
  if not file or not pathlib.Path(file).exists():
    return {}
  try:
    programs = parsed(pathlib.Path(file).read_bytes())['programs']
    for counts in programs.values():
      float(counts['published'])
      for work in counts['steps'].values():
        sum(map(float, work.values()))
    return programs
  except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
    raise UserError(f'cannot read --counted={file}: {error!r}; a file of '
                    '--json would be right') from error


def keep_counted(file, counted):
  """Adds counts to a file, beside what else it has."""
  path = pathlib.Path(file)
  content = parsed(path.read_bytes()) if path.exists() else {}
  write_output(file, json.dumps({**content, 'programs': counted}, indent=1,
                                ensure_ascii=False) + '\n', '--counted')
