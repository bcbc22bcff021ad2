"""docs/extending_spaces.md: its listings, in a copy of the package, do run."""
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
GUIDE = (ROOT / 'docs' / 'extending_spaces.md').read_text()
SECTIONS = {text.splitlines()[0]: text for text in GUIDE.split('\n## ')[1:]}
# Commands run one after the other in one process: to start JAX takes seconds.
PROGRAM = """
import json, sys
from jgan import main
for arguments in json.loads(sys.argv[1]):
  code = main.main(['jgan', '--compilation_cache=', *arguments])
  if code:
    sys.exit(code)
"""


def listings(text):
  """{path: the listing under it}."""
  found = dict(re.findall(r'^`([\w/]+\.py)`:\n\n```python\n(.*?)```', text,
                          re.MULTILINE | re.DOTALL))
  assert len(found) == text.count('```python')
  return found


def commands(text):
  """Arguments of each command shown."""
  lines = re.findall(r'^    python -m jgan\.main ((?:.*\\\n)*.*)', text,
                     re.MULTILINE)
  return [shlex.split(line.replace('\\\n', ' ')) for line in lines]


@pytest.fixture
def copied(package_copy):
  """Writes listings into a copy of the package, and runs commands there."""
  def run(files, arguments):
    for path, text in files.items():
      assert not (package_copy / path).exists(), f'{path} would be edited'
      (package_copy / path).write_text(text)
    # Nearly all of the time is compiling: not too well.
    env = {**os.environ, 'JAX_PLATFORMS': 'cpu',
           'XLA_FLAGS': '--xla_backend_optimization_level=0'}
    done = subprocess.run(
        [sys.executable, '-c', PROGRAM, json.dumps(arguments)],
        cwd=package_copy, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return package_copy / 'runs'
  return run


def test_the_files_of_a_new_space_are_listed(copied):
  copied(listings(SECTIONS['A space to search']),
         [['--mode=list', '--what=spaces'], ['--mode=list', '--what=models'],
          ['--mode=list', '--what=generator.five']])


@pytest.mark.long
def test_a_new_space_is_searched_drawn_and_trained(copied):
  text = SECTIONS['A space to search']
  runs = copied(listings(text), commands(text))
  genotype = (runs / 'five' / 'genotype.json').read_text()
  assert genotype.count('"past"') == 5 and '"space": "five"' in genotype
  assert (runs / 'five' / 'genotype.png').stat().st_size > 10_000
  assert [*(runs / 'five_net' / 'samples').glob('*.png')]


@pytest.mark.long
def test_a_new_operation_is_searched(copied):
  text = SECTIONS['An operation of searched edges']
  runs = copied(listings(text), commands(text))
  assert (runs / 'gated' / 'genotype.png').exists()


def test_a_new_normalisation_and_activation_train(copied):
  parts = [SECTIONS[name] for name in ('A normalisation', 'An activation')]
  runs = copied({path: text for part in parts
                 for path, text in listings(part).items()},
                [line for part in parts for line in commands(part)])
  assert '"rms"' in (runs / 'parts' / 'config.json').read_text()
