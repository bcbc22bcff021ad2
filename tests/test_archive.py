"""A run as one file: whole or not there, and a run again."""
import shutil

import pytest

from jgan import archive
from jgan.errors import UserError


@pytest.fixture
def run(tmp_path):
  """A folder that looks like a run's."""
  folder = tmp_path / 'run'
  (folder / 'checkpoints' / '4').mkdir(parents=True)
  (folder / 'config.json').write_text('{}')
  (folder / 'checkpoints' / '4' / 'state').write_bytes(b'abc')
  return folder


def contents(folder):
  return {str(path.relative_to(folder)): path.read_bytes()
          for path in folder.rglob('*') if path.is_file()}


def test_what_is_unpacked_is_what_was_packed(run, tmp_path):
  file = tmp_path / 'drive' / 'run.tar'
  archive.pack(run, file)
  assert archive.unpack(file, tmp_path / 'new' / 'run')
  assert contents(run) == contents(tmp_path / 'new' / 'run')
  assert [path.name for path in file.parent.iterdir()] == ['run.tar']
  assert {path.name for path in tmp_path.iterdir()} == {'run', 'drive', 'new'}


def test_a_folder_that_is_there_stays_and_a_missing_file_is_none(run, tmp_path):
  assert not archive.unpack(tmp_path / 'none.tar', tmp_path / 'other')
  archive.pack(run, tmp_path / 'run.tar')
  (run / 'config.json').write_text('{"newer": 1}')
  assert not archive.unpack(tmp_path / 'run.tar', run)
  assert 'newer' in (run / 'config.json').read_text()


def test_a_broken_copy_leaves_the_one_before(run, tmp_path, monkeypatch):
  archive.pack(run, tmp_path / 'run.tar')
  before = (tmp_path / 'run.tar').read_bytes()

  def full(source, target):
    target.write_bytes(b'half')
    raise OSError(28, 'No space left on device')

  monkeypatch.setattr(shutil, 'copyfile', full)
  with pytest.raises(UserError, match='cannot write .*No space left'):
    archive.pack(run, tmp_path / 'run.tar')
  assert (tmp_path / 'run.tar').read_bytes() == before
  beside = tmp_path / 'run.tar.half'
  monkeypatch.setattr(shutil, 'make_archive', lambda *_: full(run, beside))
  with pytest.raises(UserError, match='cannot write .*No space left'):
    archive.pack(run, tmp_path / 'run.tar')
  beside.unlink()
  assert len([*tmp_path.iterdir()]) == 2


@pytest.mark.parametrize('length', [0, 300, 512, 1024, 2048, 2100])
def test_a_damaged_file_is_said_and_makes_no_folder(length, run, tmp_path):
  """As one of which only a part arrived, which may end between two files."""
  file = tmp_path / 'run.tar'
  archive.pack(run, file)
  file.write_bytes(file.read_bytes()[:length] or b'no archive at all')
  before = sorted(tmp_path.iterdir())
  with pytest.raises(UserError, match='run.tar is damaged'):
    archive.unpack(file, tmp_path / 'other')
  assert sorted(tmp_path.iterdir()) == before


def test_what_is_no_run_or_no_archive_is_refused(run, tmp_path):
  with pytest.raises(UserError, match='no run in'):
    archive.pack(tmp_path, tmp_path / 'a.tar')
  with pytest.raises(UserError, match=r'ends in \.tar'):
    archive.pack(run, tmp_path / 'a.zip')
