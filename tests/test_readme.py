"""What the README shows does run."""
import pathlib
import re
import shlex
import types

import jax.numpy as jnp
import numpy as np
import pytest

from jgan import cli, experiment
from jgan import config as configs

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = (ROOT / 'README.md').read_text()
BLOCKS = re.findall(r'```python\n(.*?)```', README, re.DOTALL)


@pytest.fixture
def small_digits(monkeypatch):
  """The default experiment, narrow."""
  load = cli.load

  def narrow(location):
    c = load(location)
    c.batch = 4
    c.generator.width = c.discriminator.width = 4
    return c

  monkeypatch.setattr(cli, 'load', narrow)
  monkeypatch.chdir(ROOT)


def test_the_lines_for_a_notebook_run(small_digits):
  names = {}
  exec(next(b for b in BLOCKS if 'method.init' in b), names)
  assert names['images'].shape == (8, 16, 16, 1)
  assert int(names['state'].step) == 1


def test_the_loss_that_the_readme_adds_is_one():
  loss = types.ModuleType('mine')
  exec(next(b for b in BLOCKS if 'def discriminator' in b), loss.__dict__)
  real, fake = jnp.array([1., 2.]), jnp.array([0., 1.])
  np.testing.assert_allclose(loss.discriminator(real, fake), 1.)
  np.testing.assert_allclose(loss.generator(None, fake, margin=1.), .5)


DOCUMENTS = {name: (ROOT / name).read_text() for name in (
    'README.md', 'docs/commands.md', 'docs/data.md', 'docs/deviations.md',
    'docs/results.md', 'docs/search.md')}


@pytest.mark.parametrize('line', [
    ' '.join(line.split()) for text in DOCUMENTS.values()
    for line in re.findall(r'^    python -m jgan\.main ((?:.*\\\n)*.*)', text,
                           re.MULTILINE) if '...' not in line])
def test_every_command_shown_is_understood(line, monkeypatch):
  """Its flags and the config's keys exist, its config builds."""
  monkeypatch.chdir(ROOT)
  # The runs that it names are there.
  record = configs.plain(configs.complete(
      experiment.load('experiments/digits/default.py:smoke')))
  monkeypatch.setattr(configs, 'recorded', lambda folder: record)
  line = re.sub(r'runs/\w+/genotype\.json', 'alphagan_s', line)
  arguments = shlex.split(line.replace('\\ ', ''))
  helps, mode = cli.wants_help(['jgan', *arguments])
  if helps:
    assert cli.usage(mode)
  else:
    assert cli.parse(['jgan', *arguments]).verb.run


def test_every_make_target_shown_exists():
  makefile = (ROOT / 'Makefile').read_text()
  text = ''.join(DOCUMENTS.values()) + (ROOT / 'CONTRIBUTING.md').read_text()
  for target in {*re.findall(r'make ([a-z-]+)`', text),
                 *re.findall(r'^    make ([a-z-]+)', text, re.MULTILINE)}:
    assert re.search(rf'^{target}:', makefile, re.MULTILINE), target


def test_every_part_of_the_table_exists():
  from jgan import lookup
  table = README.split('## What is in it')[1].split('## ')[0]
  for kind, row in (('models', 'models'), ('losses', 'losses'),
                    ('penalties', 'penalties'), ('metrics', 'metrics'),
                    ('features', 'feature networks')):
    line = next(x for x in table.splitlines() if x.startswith(f'| {row} |'))
    assert set(re.findall(r'`(\w+)`', line.split('|')[2])) == set(
        lookup.names(kind))


def test_every_picture_and_document_that_is_linked_is_there():
  for file in [*ROOT.glob('*.md'), *ROOT.glob('docs/*.md')]:
    for path in re.findall(r'\]\(([^)#:]+)\)', file.read_text()):
      assert (file.parent / path).exists(), (file, path)


def test_every_document_is_in_the_index():
  index = (ROOT / 'docs' / 'README.md').read_text()
  for file in (ROOT / 'docs').glob('*.md'):
    assert f'({file.name})' in index or file.name == 'README.md', file


def test_no_document_or_file_names_a_module_that_moved():
  """CHANGELOG.md has the list of what is where now."""
  gone = [f'jgan/{name}.py' for name in (
      'train', 'session', 'parallel', 'checkpoint', 'logbook', 'timing', 'cost',
      'pair', 'evaluation', 'scoring', 'duality', 'breaks', 'latency', 'sample',
      'describe', 'evaluate', 'derive', 'sensitivity', 'shrink', 'compression',
      'compare', 'recipe', 'export', 'pipeline', 'search')]
  assert not [path for path in gone if (ROOT / path).exists()]
  names = '|'.join(path[5:-3] for path in gone)
  pattern = re.compile(rf'\bjgan[./]({names})(?:\.py\b|(?![\w/.-]))'
                       rf'|from jgan import [^\n]*\b({names})\b')
  for folder in ('jgan', 'tests', 'experiments', 'bench', 'parity', 'docs'):
    for file in (ROOT / folder).rglob('*'):
      if file.suffix in ('.py', '.md', '.ipynb'):
        match = pattern.search(file.read_text())
        assert not match, (file, match[0])
  for name in ('README.md', 'CONTRIBUTING.md', 'Makefile', 'pyproject.toml'):
    assert not pattern.search((ROOT / name).read_text()), name
