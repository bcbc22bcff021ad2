"""Paths of flags and configs: the home folder, and addresses."""
import os
import pathlib

import pytest

from jgan import cli, paths, workdir
from jgan import config as configs
from jgan.errors import UserError

DIGITS = '--config=experiments/digits/default.py:smoke'


def test_a_tilde_is_the_home_folder_in_every_flag_and_key(monkeypatch):
  monkeypatch.setenv('HOME', '/home/someone')
  monkeypatch.setenv('JGAN_DATA', '~/data')
  command = cli.parse(['jgan', DIGITS, '--workdir=~/run',
                       '--config.init.generator=~/g.npz'])
  assert command.flags.workdir == '/home/someone/run'
  assert command.flags.data_dir == '/home/someone/data'
  assert command.config.init.generator == '/home/someone/g.npz'
  assert command.main.compilation_cache == '/home/someone/.cache/jgan'
  flags = cli.parse(['jgan', '--mode=report', '--runs=~/a,b']).flags
  assert flags.runs == ('/home/someone/a', 'b')


@pytest.mark.parametrize('arguments, name', [
    (['--workdir=gs://bucket/run'], '--workdir'),
    (['--workdir=x', '--data_dir=s3://bucket'], '--data_dir'),
    (['--workdir=x', '--config.init.generator=https://host/g.npz'],
     'config.init.generator'),
    (['--mode=report', '--runs=a,hdfs://b'], '--runs'),
    (['--mode=describe', '--config=gs://bucket/x.py'], '--config'),
])
def test_an_address_is_refused_and_makes_no_folder(
    arguments, name, monkeypatch):
  if 'report' not in arguments[0] and 'describe' not in arguments[0]:
    arguments = [DIGITS, *arguments]
  monkeypatch.setattr(os, 'mkdir', None)
  with pytest.raises(UserError, match=f'{name}=.*://.* is an address'):
    cli.parse(['jgan', *arguments])


def test_a_path_of_another_encoding_is_refused():
  with pytest.raises(UserError, match='PYTHONUTF8=1'):
    paths.local('/run-\udcff', '--workdir')


def test_an_address_is_refused_by_a_program_too(tiny, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  with (pytest.raises(UserError, match='workdir=gs://b/run is an address'),
        workdir.opened('gs://b/run', configs.complete(tiny))):
    pass
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('home', ['/nonexistent', ''])
def test_a_user_without_a_home_gets_a_temporary_one(home, monkeypatch):
  """As in containers, where the user has no entry in /etc/passwd either."""
  if not home:
    monkeypatch.setattr(pathlib.Path, 'home', classmethod(no_home))
  monkeypatch.setenv('HOME', home)
  paths.ensure_home()
  assert os.access(os.environ['HOME'], os.W_OK)


def test_a_home_stays_that_can_be_written_or_has_the_cache(
    tmp_path, monkeypatch):
  monkeypatch.setenv('HOME', str(tmp_path))
  paths.ensure_home()
  assert os.environ['HOME'] == str(tmp_path)
  (tmp_path / '.cache' / 'jgan').mkdir(parents=True)
  monkeypatch.setattr(os, 'access', lambda *_: False)
  paths.ensure_home()
  assert os.environ['HOME'] == str(tmp_path)


def no_home(_):
  raise RuntimeError('Could not determine home directory.')
