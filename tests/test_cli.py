"""What the command line says of itself: verbs, flags, and what is refused."""
import json
import subprocess
import sys

import pytest

from jgan import cli, experiment, lookup, main
from jgan import config as configs
from jgan.errors import UserError

DIGITS = '--config=experiments/digits/default.py:smoke'
VERBS = lookup.names('verbs')

HELLO = '''"""Says hello to somebody.

Writes nothing.
"""
from jgan.flags import Flag

FLAGS = (Flag('whom', 'world', 'Who is greeted.'),
         Flag('times', 1, 'How often.'))


def run(config, flags):
  """Greets."""
  return f'hello {flags.whom}\\n' * flags.times
'''


def said(capsys, *arguments):
  """Runs a command: -> its exit code, stdout, stderr."""
  code = main.main(['jgan', *arguments])
  return code, *capsys.readouterr()


def test_a_new_file_is_a_verb_with_its_flags_and_its_line_in_help(
    package_copy):
  """No existing file knows of it."""
  (package_copy / 'jgan' / 'verbs' / 'hello.py').write_text(HELLO)

  def jgan(*arguments):
    return subprocess.run(
        [sys.executable, '-m', 'jgan.main', *arguments], cwd=package_copy,
        capture_output=True, text=True)

  assert jgan('--mode=hello', '--whom=you', '--times=2').stdout == (
      'hello you\nhello you\n')
  listed = jgan('--help').stdout
  assert 'hello        Says hello to somebody.' in listed
  assert '--whom' not in listed
  own = jgan('--mode=hello', '--help').stdout
  assert '--whom' in own and "'world'" in own and 'Who is greeted.' in own
  refused = jgan('--mode=describe', DIGITS, '--whom=you')
  assert refused.returncode == 2
  assert '--mode=describe does not read --whom: hello does' in refused.stderr


@pytest.mark.parametrize('verb', VERBS)
def test_help_of_a_verb_shows_its_flags_and_no_others(verb, capsys):
  code, out, _ = said(capsys, f'--mode={verb}', '--help')
  assert code == 0
  shown = {line.split()[0] for line in out.splitlines()
           if line.startswith('  --')}
  module = lookup.find('verbs', verb)
  assert shown == {f'--{flag.name}' for flag in (*module.FLAGS, *cli.FLAGS)}
  assert module.__doc__.splitlines()[0] in out


@pytest.mark.parametrize('verb', VERBS)
def test_commands_in_a_help_go_on_over_lines_by_one_backslash(verb):
  assert '\\\\' not in cli.usage(verb)


def test_help_lists_all_verbs_and_experiments(capsys):
  code, out, _ = said(capsys, '--help')
  assert code == 0
  for verb in VERBS:
    assert f'\n  {verb} ' in out
  assert 'experiments/digits/default.py' in out


@pytest.mark.parametrize('verb', VERBS)
def test_a_flag_that_a_verb_does_not_read_is_refused(verb):
  """Naming the verbs that do."""
  read = {flag.name for flag in lookup.find('verbs', verb).FLAGS}
  for other in VERBS:
    for flag in lookup.find('verbs', other).FLAGS:
      if flag.name in read:
        continue
      with pytest.raises(UserError) as error:
        cli.parse(['jgan', f'--mode={verb}', f'--{flag.name}=1'])
      assert f'--mode={verb} does not read --{flag.name}: ' in str(error.value)
      assert other in str(error.value)


def test_the_weights_of_a_feature_network_are_no_flag_of_training():
  with pytest.raises(UserError, match='does not read --weights: evaluate does'):
    cli.parse(['jgan', '--mode=train', DIGITS, '--weights=/nonexistent'])


@pytest.mark.parametrize('arguments, words', [
    (['--mode=report', DIGITS], 'does not read --config'),
    (['--mode=report', '--config.steps=1'], 'does not read --config'),
    (['--mode=sample', '--workdir=/nonesuch', '--config.steps=1'],
     'give --config=FILE too'),
    (['--mode=export', DIGITS, '--workdir=x'], 'needs --out'),
    (['--mode=train', DIGITS], 'needs --workdir'),
    (['--mode=sampel'], "did you mean 'sample'"),
    (['--mode=sampel', '--help'], "did you mean 'sample'"),
    (['--mode=sample', '--workdri=x'], "did you mean 'workdir'"),
    (['--mode=sample', DIGITS, '--workdir=x', '--n=many'], 'n'),
    (['--mode=train', DIGITS, '--workdir=x', '--batch=8'],
     'unknown flag --batch: --config.batch=VALUE is that key'),
    (['--mode=train', DIGITS, '--workdir=x', '--steps=9'],
     'evaluate does; --config.steps=VALUE is a key of the config'),
    (['--mode=train', DIGITS, '--workdir=x', '--process=1'],
     '--coordinator=HOST:PORT and --processes=N would be needed'),
    (['--mode=evaluate', '--a=x', '--b=y', DIGITS],
     '--config is not read beside --a'),
    (['--mode=evaluate', '--a=x', '--b=y', '--best'],
     '--best is not read beside --a'),
    (['--mode=evaluate', DIGITS, '--workdir=x', '--image_size=8'],
     '--image_size=8 is for the images of --a'),
    (['--mode=evaluate', DIGITS, '--workdir=x', '--params=g.npz', '--online'],
     '--online is not read beside --params'),
    (['--mode=evaluate', DIGITS, '--workdir=x', '--steps=all', '--best'],
     '--best is not read beside --steps'),
    (['--mode=sample', DIGITS, '--workdir=x', '--params=g.npz', '--best'],
     '--best is not read beside --params'),
    (['--mode=export', DIGITS, '--workdir=x', '--out=g.npz', '--online',
      '--discriminator'], '--online is not read beside --discriminator'),
])
def test_flags_that_would_be_ignored_are_refused(arguments, words, capsys):
  code, out, err = said(capsys, *arguments)
  assert code == 2 and out == '' and words in err


def test_a_flag_takes_its_value_with_or_without_an_equals_sign():
  for arguments in (['--mode=sample', '--n=3'],
                    ['--mode', 'sample', '--n', '3']):
    command = cli.parse(['jgan', *arguments, DIGITS, '--online'])
    assert command.flags.n == 3 and command.flags.online
    assert command.verb is lookup.find('verbs', 'sample')


def test_a_variable_stands_for_the_folder_of_data(monkeypatch):
  monkeypatch.setenv('JGAN_DATA', '/somewhere')
  parse = lambda *more: cli.parse(
      ['jgan', DIGITS, '--workdir=x', *more]).flags.data_dir
  assert parse() == '/somewhere'
  assert parse('--data_dir=/elsewhere') == '/elsewhere'


@pytest.fixture
def recorded(tmp_path):
  """A workdir with the config.json of a run, and no checkpoint."""
  record = configs.plain(configs.complete(experiment.load(DIGITS[9:])))
  (tmp_path / 'config.json').write_text(json.dumps(record))
  return tmp_path


def test_tuples_of_a_recorded_config_can_be_overridden(recorded):
  config = cli.parse(['jgan', '--mode=sensitivity', f'--workdir={recorded}',
                      '--config.compress.ranks=(2, 4)',
                      "--config.eval.metrics=('spectrum',)"]).config
  assert config.compress.ranks == (2, 4)
  assert config.eval.metrics == ('spectrum',)


@pytest.mark.parametrize('argument, key, value', [
    ('--config.eval.metrics=fd,kid', 'metrics', ('fd', 'kid')),
    ('--config.eval.metrics=fd, kid,', 'metrics', ('fd', 'kid')),
    ('--config.eval.metrics=fd', 'metrics', ('fd',)),
    ('--config.compress.ranks=2,4', 'ranks', (2, 4)),
])
def test_a_tuple_may_be_names_with_commas(argument, key, value):
  parsed = lambda *words: cli.parse(
      ['jgan', '--mode=describe', DIGITS, *words]).config
  for words in ([argument], argument.split('=')):
    config = parsed(*words)
    assert {**config.eval, **config.compress}[key] == value


def test_of_a_flag_that_is_given_twice_the_last_counts(recorded):
  command = cli.parse(['jgan', '--mode=list', '--mode=describe', DIGITS,
                       '--config=experiments/mini/ring.py',
                       '--workdir=/nonesuch', f'--workdir={recorded}',
                       '--config.eval.metrics=fd', '--config.eval.metrics=kid'])
  assert command.config.eval.metrics == ('kid',)
  assert command.verb is lookup.find('verbs', 'describe')
  assert command.config.data.name == 'mixture'
  assert command.flags.workdir == str(recorded)


@pytest.mark.parametrize('arguments, words', [
    (['--config=experiments/alphagan/search.py:smoke:l'], "':l:smoke'"),
    ([DIGITS, '--config.loss.name='], 'gives no name'),
    ([DIGITS, '--config.loss.name'], 'gives no name'),
    ([DIGITS, '--config.loss=hinge'], '--config.loss.name=VALUE'),
    ([DIGITS, '--config.penalties=(3,)'],
     'config.penalties is (3,); a tuple of named sections'),
    ([DIGITS, '--config.generator.name=adversarial_nas_super',
      '--config.discriminator.name=missing'], "no 'missing' in models"),
    (['--config=README.md'], 'an experiment is a Python file'),
])
def test_mistakes_in_a_config_are_one_line(arguments, words, capsys):
  code, _, err = said(capsys, '--mode=describe', *arguments)
  assert code == 2 and words in err, err


@pytest.mark.parametrize('text, words', [
    ('def get_config(:\n', 'line 1: invalid syntax'),
    ('import nonesuch\n', "No module named 'nonesuch'"),
    ('def get_config():\n  return 1 / 0\n', 'ZeroDivisionError'),
    ('def get_config():\n  return {}\n', 'returned a dict; a ConfigDict'),
    ('def get_config():\n  pass\n', 'returned a NoneType'),
    ('STEPS = 3\n', 'defines no get_config()'),
])
def test_a_mistake_in_an_experiment_is_one_line_that_says_where(
    text, words, tmp_path, capsys):
  (tmp_path / 'mine.py').write_text(text)
  code, _, err = said(capsys, '--mode=describe', f'--config={tmp_path}/mine.py')
  assert code == 2 and words in err and 'mine.py' in err, err
  assert 'Traceback' not in err


def test_an_experiment_may_lie_in_a_folder_with_spaces_and_colons(tmp_path):
  folder = tmp_path / 'müller: my runs'
  folder.mkdir()
  (folder / 'mine.py').write_text(
      'from jgan import config\n'
      'def get_config(form=None):\n'
      '  return config.small(config.base(), form, {"steps": 3})\n')
  assert cli.load(f'{folder}/mine.py').steps == 1000
  assert cli.load(f'{folder}/mine.py:smoke').steps == 3


@pytest.mark.parametrize('text', ['{', '[]', 'no'])
def test_a_damaged_config_json_is_one_line(text, recorded, capsys):
  (recorded / 'config.json').write_text(text)
  code, _, err = said(capsys, '--mode=describe', f'--workdir={recorded}')
  assert code == 2 and 'config.json is damaged' in err
