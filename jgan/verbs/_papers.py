"""The tables of papers, and the commands behind each of their rows.

`tables.toml` beside the experiments of a paper has all rows of its tables, and
its figures, with the printed values; `recipes.toml` in the folder of the
experiments has the commands that a row names. Both say what their fields mean.
"""
import pathlib
import re
import tomllib
from typing import NamedTuple

from jgan import experiment, lookup
from jgan.errors import UserError

# Fields of a row that are no printed value; recipes may use others.
_OWN = {'row', 'data', 'config', 'configs', 'recipe', 'note', 'out', 'run',
        'more'}
_LISTED = ('configs', 'more')  # lists that do not repeat a command each


class Row(NamedTuple):
  """A row of a table for one data set, or a part of a figure.

  Attributes:
    name: as printed.
    data: the data set, '' of a drawing.
    published: {metric: value as printed}.
    recipe: name of the recipe.
    commands: lists of arguments of jgan.main, in order.
    out: why jgan cannot make it; '' if it can.
    note: '' or a remark.
  """
  name: str
  data: str
  published: dict
  recipe: str
  commands: list
  out: str
  note: str


class Table(NamedTuple):
  """A table or figure: `count` rows as printed, of one data set or several."""
  name: str
  title: str
  metrics: list
  count: int
  note: str
  rows: list


class Paper(NamedTuple):
  """A paper.

  Attributes:
    family: the folder of its experiments.
    title, paper: short and in full.
    protocol: of its scores.
    small: a line about what was run at small size, '' for nothing.
    share: of a device's peak that its networks may reach, None for the usual.
    why: the reason for that share.
    tables: list of Table, in the order of the paper.
  """
  family: str
  title: str
  paper: str
  protocol: str
  small: str
  share: float | None
  why: str
  tables: list


def load(runs='runs', data='DATA'):
  """All papers that experiments have tables of, by family.

  Args:
    runs: the folder of runs in the commands.
    data: that of the data sets.

  Raises:
    UserError: a file is damaged, or a row lacks what its recipe needs.
  """
  recipes = _read(experiment.FOLDER / 'recipes.toml')
  return [_paper(file, recipes, runs, data)
          for file in sorted(experiment.FOLDER.glob('*/tables.toml'))]


def run_of(location):
  """The name of a run: 'experiments/sdp/cpu.py:hinge' -> 'sdp_cpu_hinge'."""
  path, _, row = location.partition(':')
  path = pathlib.PurePosixPath(path)
  return re.sub(r'[^\w.-]', '_', '_'.join(filter(None, (
      path.parent.name, path.stem, row))))


def _paper(file, recipes, runs, data):
  content = _read(file)
  try:
    tables = [Table(name=t['name'], title=t['title'],
                    metrics=t.get('metrics', []), count=t['count'],
                    note=t.get('note', ''),
                    rows=[_row(file, t, row, recipes, runs, data)
                          for row in t['rows']]) for t in content['table']]
    return Paper(family=file.parent.name, title=content['title'],
                 paper=content['paper'], protocol=content['protocol'],
                 small=content.get('small', ''), share=content.get('share'),
                 why=content.get('why', ''), tables=tables)
  except (KeyError, TypeError) as error:
    raise UserError(f'{file} is damaged: {error!r}') from error


def _row(file, table, row, recipes, runs, data):
  where = f"{file}: row '{row['row']}' of {table['name']}"
  metrics = table.get('metrics', [])
  name = '' if 'out' in row else row.get('recipe', 'train')
  if name and name not in recipes:
    raise UserError(f"{where} has recipe '{name}': "
                    f'{lookup.nearest(name, recipes)}')
  fields = {**row, 'runs': runs, 'data': data, 'figure': _figure(
      runs, file.parent.name, table['name'], row['row'])}
  templates = recipes[name]['commands'] if name else []
  used = set(re.findall(r'\{(\w+)\}', ' '.join(
      argument for template in templates for argument in template)))
  unread = {*row} - _OWN - {*metrics} - used
  if unread or (row.get('more') and 'more' not in used):
    raise UserError(f'{where} has fields that neither the table nor its recipe '
                    f'reads: {", ".join(sorted(unread or {"more"}))}')
  try:
    commands = [command for template in templates
                for command in _commands(template, fields)]
  except KeyError as error:
    raise UserError(f"{where} has no field {error} of recipe '{name}'"
                    ) from error
  return Row(name=row['row'], data=row.get('data', ''),
             published={metric: row[metric] for metric in metrics
                        if metric in row},
             recipe=name, commands=commands, out=row.get('out', ''),
             note=row.get('note', ''))


def _figure(runs, family, table, row):
  """The folder for pictures of a figure."""
  words = re.sub(r'\W+', '_', f'{family} {table} {row}'.lower()).strip('_')
  return f'{runs}/{words}'


def _commands(template, fields):
  """The commands of one template: several, if a field it uses is a list."""
  used = set(re.findall(r'\{(\w+)\}', ' '.join(template)))
  if 'all' in used:
    fields = {**fields, 'all': ','.join(
        f'{fields["runs"]}/{run_of(c)}' for c in fields['configs'])}
  elif 'configs' in fields and used & {'config', 'run'}:
    return [_command(template, {**fields, 'config': c, 'run': ''})
            for c in fields['configs']]
  for name in sorted(used - {*_LISTED}):
    if isinstance(fields.get(name), list):
      return [_command(template, {**fields, name: value})
              for value in fields[name]]
  return [_command(template, fields)]


def _command(template, fields):
  """One list of arguments."""
  fields = dict(fields)
  if 'config' in fields:
    fields['run'] = f'{fields["runs"]}/' + (
        fields.get('run') or run_of(fields['config']))
  if 'search' in fields:
    fields['found'] = f'{fields["runs"]}/{run_of(fields["search"])}'
  arguments = []
  for argument in template:
    if argument == '{more}':
      arguments += fields.get('more', [])
    else:
      arguments.append(argument.format(**fields))
  return arguments


def _read(file):
  try:
    return tomllib.loads(file.read_text())
  except (OSError, ValueError) as error:
    raise UserError(f'cannot read {file}: {error}') from error
