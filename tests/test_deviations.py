"""docs/deviations.md has whole rows, and names only what exists."""
import ast
import fnmatch
import pathlib
import re

import pytest
from ml_collections import ConfigDict

from jgan import config as configs
from jgan import lookup, sections
from jgan.errors import UserError
from jgan.verbs import list as listing

TEXT = (pathlib.Path(__file__).resolve().parent.parent / 'docs'
        / 'deviations.md').read_text()
COLUMNS = ['what', 'paper', 'published code', 'jgan', 'other reading', 'why']
# Of each table, after the one that explains the columns: lists of cells.
_, *TABLES = [[[cell.strip() for cell in line.strip('|').split('|')]
               for line in table.splitlines()]
              for table in re.findall(r'(?:^\|.*\n)+', TEXT, re.MULTILINE)]
CODE = sorted({code for table in TABLES for row in table
               for code in re.findall(r'`([^`]+)`', ' '.join(row))})
SWITCHES = [code for code in CODE if re.match(r'[a-z][\w.\[\]-]*=', code)]

BASE = configs.base()
# {path of a named section, without an index: the kind of what it names}.
NAMED = {path: kind for path, kind, _ in sections.sections(BASE)
         } | {kind: kind for kind in sections.LISTS}


def default(path):
  """What the config key `path` has as its default, in any part with such a key.

  Raises:
    UserError: there is no such key.
  """
  section, _, key = path.rpartition('.')
  for name in lookup.members(NAMED[section]) if section in NAMED else ():
    try:
      arguments = sections.arguments(section, NAMED[section], name)
    except UserError:  # a model of the other player
      continue
    if key in arguments:
      return arguments[key]
  value = BASE
  for key in path.split('.'):
    if not isinstance(value, ConfigDict) or key not in value:
      raise UserError(f'no part has config.{path}')
    value = value[key]
  return value


def check(switch):
  """Raises UserError if no config takes the switch, KEY=VALUE."""
  path, text = re.sub(r'\[-?\d\]', '', switch).split('=', 1)
  try:
    value = ast.literal_eval(text)
  except (SyntaxError, ValueError):
    value = text
  section, _, key = path.rpartition('.')
  if section in NAMED and key == 'name':
    listed(value, NAMED[section])
  elif path in sections.LISTS:
    for part in value:
      listed(part['name'], path)
      typed(path, part, sections.arguments(path, path, part['name']))
  elif path == 'eval.knobs':
    for metric, knobs in value.items():
      score = lookup.find('metrics', metric).score
      typed(path, knobs, sections.keywords(score))
  elif section in ('generator', 'discriminator') and key in sections.PARTS:
    part = ConfigDict(value) if isinstance(value, dict) else value
    sections.typed(path, part, default(path))
    listed(part if part is value else part.name, f'layers.{key}')
  elif isinstance(default(path), tuple) and isinstance(value, str):
    return  # words with commas, which the command line splits
  else:
    sections.typed(path, value, default(path))


def listed(name, kind):
  """Raises UserError unless there is a part of this name."""
  if name not in lookup.members(kind):
    raise UserError(f"no '{name}' in {kind}")


def typed(path, values, defaults):
  """Raises UserError unless all keys but 'name' are known, and of their types.
  """
  for key, value in values.items():
    if key != 'name' and key not in defaults:
      raise UserError(f'{path} has no {key}')
    if key != 'name':
      sections.typed(f'{path}.{key}', value, defaults[key])


def test_every_row_has_all_columns():
  assert sum(len(table) - 2 for table in TABLES) > 150
  for head, rule, *rows in TABLES:
    assert head == COLUMNS and {*''.join(rule)} == {'-'}
    for row in rows:
      assert len(row) == len(COLUMNS) and all(row[:5]), row


def test_no_difference_stands_twice_in_a_table():
  for _, _, *rows in TABLES:
    names = [name for name, *_ in rows]
    assert len(names) == len({*names}), names


@pytest.mark.parametrize('switch', SWITCHES)
def test_every_switch_is_a_key_with_such_a_value(switch):
  check(switch)


@pytest.mark.parametrize('switch', [
    'pipeline.flop=True', 'loss.margin2=1.', 'method.held=many', 'stepps=9',
    'generator.initializer=javier', "generator.conv={'name':'octave','odd':1}",
    "penalties=({'name':'r3'},)", 'penalties[0].gamma2=1.', 'loss.name=joy',
    "eval.knobs={'kid':{'sets':1}}", "eval.knobs={'kids':{}}"])
def test_a_switch_that_does_not_exist_would_be_noticed(switch):
  with pytest.raises(UserError):
    check(switch)


def test_every_key_without_a_value_exists():
  keys = [code for code in CODE if re.fullmatch(r'[a-z]+\.[a-z_]+', code)]
  assert keys
  for key in keys:
    default(key)


def test_every_experiment_and_row_exists():
  known = {entry['path']: entry['rows']
           for entry in listing.parts('experiments')}
  named = [code.partition(':') for code in CODE
           if re.match(r'(?!jgan/)\w+/\w+\.py', code)]
  assert len(named) > 20
  for path, _, row in named:
    rows = known[f'experiments/{path}']
    assert not row or fnmatch.filter(rows, row), (path, row)


def test_the_contents_have_every_section():
  heads = [re.sub(r'[^\w -]', '', head.lower()).replace(' ', '-')
           for head in re.findall(r'^## (.*)', TEXT, re.MULTILINE)]
  links = re.findall(r'\]\(#([^)]+)\)', TEXT)
  assert heads and not {*heads} - {*links}
