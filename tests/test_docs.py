"""Pages: their links lead somewhere, and what they name exists."""
import ast
import contextlib
import itertools
import pathlib
import re
import shlex

import pytest

from jgan import cli, experiment, lookup, pins, sections
from jgan import config as configs
from jgan.errors import UserError
from tests import test_deviations, test_readme

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCS = ROOT / 'docs'
PAGES = {str(file.relative_to(ROOT)): file.read_text()
         for file in [*ROOT.glob('*.md'), *DOCS.rglob('*.md')]}
NAMES = sorted(PAGES)
NEW = sorted({*NAMES} - {*test_readme.DOCUMENTS, 'CONTRIBUTING.md'}
             - {'docs/extending_spaces.md', 'docs/replication.md'})


def prose(text):
  """A page without its listings."""
  text = re.sub(r'^```.*?^```', '', text, flags=re.DOTALL | re.MULTILINE)
  return re.sub(r'^ {4}.*$', '', text, flags=re.MULTILINE)


def links(text):
  """Targets of the links and pictures of a page, also over a line's end."""
  return [''.join(target.split())
          for target in re.findall(r'\]\(([^)]+)\)', prose(text))]


def anchors(text):
  """The anchors that GitHub and MyST give to the headings of a page."""
  seen, names = {}, set()
  for title in re.findall(r'^#{1,6} (.*)$', re.sub(
      r'^```.*?^```', '', text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE):
    title = re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', title)
    slug = re.sub(r'[^\w -]', '', title.strip().lower()).replace(' ', '-')
    count = seen.get(slug, 0)
    seen[slug] = count + 1
    names.add(f'{slug}-{count}' if count else slug)
  return names


def broken(name, text):
  """The links of a page that lead nowhere."""
  wrong = []
  for target in links(text):
    if re.match(r'[a-z]+:', target):
      continue
    path, _, anchor = target.partition('#')
    file = (ROOT / name).parent / path if path else ROOT / name
    if not file.exists() or (anchor and (file.suffix != '.md'
                     or anchor not in anchors(file.read_text()))):
      wrong.append(target)
  return wrong


@pytest.mark.parametrize('name', NAMES)
def test_every_link_and_anchor_leads_somewhere(name):
  assert not broken(name, PAGES[name])


@pytest.mark.parametrize('text', [
    '[a](missing.md)', '![a](images/missing.png)', '[a](#missing)',
    '[a](data.md#missing)', '[a](how_to)\n[b](data.md#mnist)'])
def test_a_link_that_leads_nowhere_would_be_noticed(text):
  assert len(broken('docs/data.md', text)) == 1


def test_links_in_listings_are_none():
  assert not links('    [a](b)\n\n```\n[c](d)\n```\n')


@pytest.mark.parametrize('name', NEW)
def test_every_command_of_a_page_is_understood(name, monkeypatch):
  """Its flags and the config's keys exist, its config builds."""
  monkeypatch.chdir(ROOT)
  record = configs.plain(configs.complete(
      experiment.load('experiments/digits/default.py:smoke')))
  monkeypatch.setattr(configs, 'recorded', lambda folder: record)
  monkeypatch.setattr(pins, 'digest', lambda file: '0' * 64)
  for line in commands(PAGES[name]):
    # A file that the reader wrote, and what earlier commands left.
    line = line.replace('--config=my_gan.py', '--config=experiments/digits/'
                        'default.py')
    line = re.sub(r'runs/\w+/genotype\.json', 'alphagan_s', line)
    arguments = shlex.split(line.replace('\\\n', ' '))
    helps, mode = cli.wants_help(['jgan', *arguments])
    try:
      assert cli.usage(mode) if helps else cli.parse(
          ['jgan', *arguments]).verb.run
    except UserError as error:
      pytest.fail(f'{line}: {error}')


def commands(text):
  """Commands shown in a page; one may go on over lines, also within quotes."""
  shown = []
  for block in re.findall(r'(?:^ {4}.*\n)+', text, re.MULTILINE):
    for line in re.split(r'^ {4}(?=\S)', re.sub(r' *\\\n\s*', ' ', block),
                         flags=re.MULTILINE):
      if line.startswith('python -m jgan.main '):
        shown.append(line.removeprefix('python -m jgan.main ').strip())
      elif shown and line.strip() and shown[-1].count('"') % 2:
        shown[-1] += ' ' + line.strip()
  return shown


def test_commands_of_several_lines_are_found_whole():
  text = ('    python -m jgan.main --a=1 \\\n      --b=2\n    ls\n\n'
          '    python -m jgan.main --c="(1,\n    2)"\n')
  assert commands(text) == ['--a=1 --b=2', '--c="(1, 2)"']


@pytest.mark.parametrize('name', sorted(
    name for name in NAMES if name.startswith('docs/methods/')))
def test_every_key_of_a_table_exists(name):
  """Of a table headed 'Of `SECTION`...:' they are those of the section."""
  column = r'^\| (`[^|]*) \|'
  keys = [key for row in re.findall(column, PAGES[name], re.MULTILINE)
          for key in re.findall(r'`([a-z]+[\w.\[\]-]*\.[a-z_0-9]+)`', row)]
  for section, table in re.findall(
      r'^Of `(\S+)`[^:]*:\n\n((?:\|.*\n)+)', PAGES[name], re.MULTILINE):
    keys += [f'{section}.{key}'
             for row in re.findall(column, table, re.MULTILINE)
             for key in re.findall(r'`(\w+)`', row) if key != 'name']
  assert keys
  for key in keys:
    test_deviations.default(re.sub(r'\[-?\d\]', '', key))


def defaults(path):
  """What the config key `path` has as its default, in each part with it."""
  section, _, key = re.sub(r'\[-?\d\]', '', path).rpartition('.')
  kind, found = test_deviations.NAMED.get(section), []
  for name in lookup.members(kind) if kind else ():
    with contextlib.suppress(UserError):  # a model of the other player
      found.append(sections.arguments(section, kind, name).get(key))
  return found or [test_deviations.default(f'{section}.{key}')]


@pytest.mark.parametrize('name', sorted(
    name for name in NAMES if '| key | default |' in PAGES[name]))
def test_the_numbers_in_a_column_of_defaults_are_those_of_the_code(name):
  seen = 0
  for section, table in re.findall(
      r'^(?:Of `(\S+)`[^:]*:\n\n)?\| key \| default .*\n.*\n((?:\|.*\n)+)',
      PAGES[name], re.MULTILINE):
    for keys, values in re.findall(r'^\| (`.*?) \| (.*?) \|', table,
                                   re.MULTILINE):
      keys = [key if '.' in key else f'{section}.{key}'
              for key in re.findall(r'`([\w.]+)`', keys)]
      values = re.split('[,;] ', values)
      count = max(len(keys), len(values))
      for key, value in zip(keys * (count // len(keys)),
                            values * (count // len(values)), strict=True):
        with contextlib.suppress(ValueError, SyntaxError):  # a word
          assert ast.literal_eval(value) in defaults(key), (key, value)
          seen += 1
  assert seen


def test_every_verb_has_a_line_in_the_table_of_commands():
  head, _, _ = PAGES['docs/commands.md'].partition('## Train')
  assert sorted(re.findall(r'^\| `(\w+)` \| ', head, re.MULTILINE)) == (
      lookup.names('verbs'))


def test_every_experiment_that_is_named_exists():
  for name in NEW:
    for path in re.findall(r'experiments/[\w/]+\.(?:py|ipynb)', PAGES[name]):
      assert (ROOT / path).exists(), (name, path)


def test_every_page_is_in_the_site():
  """And in the index that GitHub shows."""
  contents = (DOCS / 'index.rst').read_text()
  index = PAGES['docs/README.md']
  for name in NAMES:
    page = name.removeprefix('docs/')
    if name.startswith('docs/') and page != 'README.md':
      # Sphinx has a page `search` of its own.
      there = 'site/searching.md' if page == 'search.md' else page
      assert f'   {there.removesuffix(".md")}\n' in contents, name
      assert page.startswith('site/') or f']({page})' in index, name


def test_every_picture_is_shown_somewhere():
  shown = ''.join(PAGES.values()) + (DOCS / 'index.rst').read_text()
  for file in (DOCS / 'images').iterdir():
    assert f'images/{file.name}' in shown, file.name


def test_every_folder_of_the_code_is_in_the_reference():
  text = (DOCS / 'api.rst').read_text()
  for folder in {file.parent.relative_to(ROOT / 'jgan')
                 for file in (ROOT / 'jgan').rglob('[!_]*.py')}:
    parts = folder.parts
    globs = itertools.chain.from_iterable(
        ['/'.join([*parts[:depth], *['*'] * (len(parts) + 1 - depth)])]
        for depth in range(len(parts) + 1))
    assert any(f'reference/jgan/{glob}/index' in text
               for glob in globs), folder
