"""What the command line says of itself: verbs, flags, and what is refused."""
import subprocess
import sys

import pytest

from jgan import cli, lookup, main
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
    (['--mode=train', DIGITS, '--workdir=x', '--process=1'],
     'need --coordinator'),
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
