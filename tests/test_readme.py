"""What the README and the notebook show does run."""
import json
import pathlib
import re
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


def test_the_notebook_trains_and_samples(small_digits):
  notebook = json.loads(
      (ROOT / 'experiments/notebooks/colab.ipynb').read_text())
  names = {}
  for cell in notebook['cells']:
    source = ''.join(cell['source'])
    if cell['cell_type'] == 'code' and not re.match('[%!]', source):
      exec(source.replace('STEPS = 300', 'STEPS = 2'), names)
  assert int(names['state'].step) == 2


@pytest.mark.parametrize('line', [
    ' '.join(line.split()) for line in re.findall(
        r'^    python -m jgan\.main ((?:.*\\\n)*.*)', README, re.MULTILINE)])
def test_every_command_shown_is_understood(line, monkeypatch):
  """Its flags and the config's keys exist, its config builds."""
  monkeypatch.chdir(ROOT)
  # The runs that it names are there.
  record = configs.plain(configs.complete(
      experiment.load('experiments/digits/default.py:smoke')))
  monkeypatch.setattr(configs, 'recorded', lambda folder: record)
  arguments = line.replace('\\ ', '').split()
  command = cli.parse(['jgan', *arguments])
  assert command.verb.run


def test_every_make_target_shown_exists():
  makefile = (ROOT / 'Makefile').read_text()
  for target in set(re.findall(r'make ([a-z-]+)`', README)) | {'run', 'test'}:
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


def test_every_picture_shown_is_there():
  for path in re.findall(r'!\[.*?\]\((.*?)\)', README):
    assert (ROOT / path).is_file(), path
