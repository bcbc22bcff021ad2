"""The commands that a refusal shows do what it says they do."""
import re
import shlex
import sys

import pytest

from jgan import words


@pytest.mark.parametrize('given, rest', [
    (['--a=1', '--config.x.y=2', '--b'], ['--a=1', '--b']),
    (['--config', 'f.py', '--config.steps', '3', '-b=1'], ['-b=1']),
    (['--configs=1', '--x=--config'], ['--configs=1', '--x=--config']),
])
def test_flags_are_taken_out_with_their_values(given, rest):
  assert words.without(given, r'config(\..*?)?') == rest


def test_three_ways_to_go_on_are_commands(monkeypatch, tmp_path):
  run = tmp_path / 'a run'
  (tmp_path / 'a run_2').mkdir()
  monkeypatch.setattr(sys, 'argv', [
      '/bin/jgan', '--data_dir=p', '--size', '64', f'--workdir={run}',
      '--config.steps=9'])
  go_on, own, anew = (shlex.split(text) for text in re.findall(
      r': (jgan .*?)(?: ; |$)', words.ways_on(str(run))))
  assert go_on == ['jgan', *sys.argv[1:], '--allow_config_change']
  assert own == ['jgan', '--data_dir=p', f'--workdir={run}']
  assert anew == ['jgan', '--data_dir=p', '--size', '64', '--config.steps=9',
                  f'--workdir={run}_3']


def test_commands_are_those_of_the_module_where_it_was_called(monkeypatch):
  monkeypatch.setattr(sys, 'argv', ['/x/jgan/main.py', '--config=f.py',
                                    '--workdir=w'])
  text = words.ways_on('w')
  assert text.count(': python -m jgan.main --') == 3 and ': jgan' not in text


def test_a_config_that_is_the_runs_own_is_not_begun_anew(monkeypatch):
  """A new folder does not have it."""
  monkeypatch.setattr(sys, 'argv', ['/bin/jgan', '--workdir=w',
                                    '--config.steps=9'])
  text = words.ways_on('w')
  assert text.endswith('to begin anew: --config=FILE in another folder')
  assert 'jgan --workdir=w --config.steps=9 --allow_config_change ;' in text


def test_outside_of_a_command_flags_are_named(monkeypatch):
  monkeypatch.setattr(sys, 'argv', ['/x/ipykernel_launcher.py', '-f', 'k.json'])
  text = words.ways_on('w')
  assert 'k.json' not in text and '--allow_config_change' in text
