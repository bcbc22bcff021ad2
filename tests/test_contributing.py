"""What CONTRIBUTING.md walks through works as it stands there."""
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT

TEXT = (ROOT / 'CONTRIBUTING.md').read_text()
SECTIONS = dict(re.findall(r'^## (A .*?)\n(.*?)(?=^## )', TEXT,
                           re.MULTILINE | re.DOTALL))


def commands(text):
  """The commands of a text: lists of arguments of jgan."""
  return [line.replace('\\\n', ' ').split() for line in re.findall(
      r'^    python -m jgan\.main ((?:.*\\\n)*.*)', text, re.MULTILINE)]


@pytest.fixture(scope='module')
def walked(package_copies):
  """A copy of jgan with the files of all walks, added in their order."""
  folder = package_copies()
  for text in SECTIONS.values():
    for path, code in re.findall(
        r'`(jgan/\w+/\w+\.py)`:\n\n```python\n(.*?)```', text, re.DOTALL):
      assert not (folder / path).exists()
      (folder / path).write_text(code)
  return folder


def jgan(folder, *arguments):
  return subprocess.run([sys.executable, '-m', 'jgan.main', *arguments],
                        cwd=folder, capture_output=True, text=True)


def test_every_walk_has_a_file_and_commands():
  assert [*SECTIONS] == ['A loss', 'A model', 'A verb']
  for text in SECTIONS.values():
    assert '```python' in text and commands(text)


@pytest.mark.long
def test_every_command_of_the_walks_does_what_it_says(walked):
  """In their order: the last ones look at what the first ones trained."""
  for title, text in SECTIONS.items():
    for arguments in commands(text):
      done = jgan(walked, *arguments)
      assert done.returncode == 0, (title, arguments, done.stderr)
  assert 'linear/kernel' in jgan(
      walked, '--mode=norms', '--workdir=runs/margin').stdout
  assert 'Prints the norm' in jgan(walked, '--help').stdout


def test_what_was_added_is_listed_with_its_arguments(walked):
  assert 'margin = 1.0' in jgan(walked, '--mode=list',
                                '--what=loss.margin').stdout


def test_the_listings_are_in_the_house_style(walked):
  done = subprocess.run([sys.executable, '-m', 'ruff', 'check', '--config',
                         ROOT / 'pyproject.toml', 'jgan'], cwd=walked,
                        capture_output=True, text=True)
  assert done.returncode == 0, done.stdout
