"""What --seeds and --sweep ask for."""
import re

import pytest

from jgan import cli, sweeps
from jgan.errors import UserError

DIGITS = '--config=experiments/digits/default.py:smoke'


def parsed(*arguments):
  return cli.parse(['jgan', DIGITS, '--workdir=/nonesuch', *arguments])


def test_a_sweep_is_the_product_of_all_values():
  parts = parsed('--sweep=config.optimizer.gen.lr=1e-4,2e-4',
                 '--sweep=config.batch=16,32').flags.combinations
  assert [(part.config.optimizer.gen.lr, part.config.batch)
          for part in parts] == [(1e-4, 16), (1e-4, 32), (2e-4, 16), (2e-4, 32)]
  assert parts[1].name == 'optimizer.gen.lr=0.0001__batch=32'


def test_values_are_read_as_those_of_the_flags_of_the_config():
  """Also names of sections, whose keys then exist, and tuples in brackets."""
  one, two = parsed(
      '--sweep=config.eval.metrics=(fd_pixels,spectrum),fd_pixels',
      '--config.checkpoint.best=').flags.combinations
  assert one.config.eval.metrics == ('fd_pixels', 'spectrum')
  assert two.config.eval.metrics == ('fd_pixels',)
  assert re.fullmatch(r'eval\.metrics=fd_pixels-spectrum-[0-9a-f]{8}', one.name)
  loss, = parsed('--sweep=config.loss.name=hinge_random_margin'
                 ).flags.combinations
  alone = parsed('--config.loss.name=hinge_random_margin').config
  assert loss.config == alone
  assert loss.name == 'loss.name=hinge_random_margin'


def test_a_name_is_of_the_value_and_not_of_its_spelling():
  names = [parsed(f'--sweep=config.optimizer.gen.lr={word}'
                  ).flags.combinations[0].name for word in ('1e-4', '0.0001')]
  assert names[0] == names[1]


def test_names_are_safe_and_short_and_different():
  names = [sweeps.name({'key': value}) for value in (
      'a/b', 'a:b', '../x', 'x' * 400, 'x' * 401, (1, 2), (12,))]
  assert len({*names}) == len(names)
  for name in names:
    assert re.fullmatch(r'[A-Za-z0-9.=_+-]{1,200}', name)


def test_commas_in_brackets_and_quotes_do_not_split():
  assert sweeps.split('(1,2),[3,4],"a,b",5') == ['(1,2)', '[3,4]', '"a,b"', '5']


@pytest.mark.parametrize('arguments, words', [
    (['--sweep=batch=1,2'], 'as --sweep=config.batch=32,64, would be right'),
    (['--sweep=config.batch=16,'], '--sweep=config.batch=16,: a key'),
    (['--sweep=config.batch=16,16'], 'has 16 twice'),
    (['--sweep=config.optimizer.gen.lr=1e-4,0.0001'], 'gen.lr=0.0001 twice'),
    (['--sweep=config.batch=16', '--sweep=config.batch=8'],
     'gives config.batch twice'),
    (['--sweep=config.seed=1,2'], 'seeds are given by --seeds'),
    (['--sweep=config.batch=16,32', '--config.batch=8'],
     '--config.batch=8 is not read beside --sweep=config.batch'),
    (['--sweep=config.batch=16,-1', '--sweep=config.critics=1,2'],
     'batch=-1, critics=1 of --sweep: config.batch'),
    (['--sweep=config.batch=16,many'], 'batch=many of --sweep'),
    (['--sweep=config.generator.widht=1,2'], "key 'generator.widht'"),
    (['--seeds=1', '--config.seed=2'], '--config.seed is not read beside'),
    (['--mode=describe', '--sweep=config.batch=1,2'],
     '--mode=describe does not read --sweep: train does'),
    (['--mode=pipeline', '--seeds=1,2'],
     '--mode=pipeline does not read --seeds: tradeoff, train do'),
])
def test_what_cannot_be_swept_is_refused(arguments, words):
  with pytest.raises(UserError, match=re.escape(words)):
    parsed(*arguments)


def test_seeds_are_whole_numbers_each_once():
  assert sweeps.seeds(('0', '2', '5')) == (0, 2, 5)
  for words in (('1', '1'), ('a',), ('-1',), ('0.5',)):
    with pytest.raises(UserError, match='--seeds='):
      sweeps.seeds(words)
