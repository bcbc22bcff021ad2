"""Files under temporary names are never written through somebody's link."""
import pathlib
import types

import numpy as np
import pytest

from jgan import config as configs
from jgan import files, genotype, workdir
from jgan.features import _cache
from jgan.metrics._samples import Samples
from jgan.report import grid
from jgan.run import pair
from jgan.score import record
from jgan.types import Network


def stability(folder):
  samples = Samples(2, images=np.zeros((2, 4, 4, 1), np.uint8))
  record.keep_previous(folder, 7, types.SimpleNamespace(
      previous={'standard': samples}))


WRITERS = {
    'run.json': lambda f: workdir.write_text(f / 'run.json', 'text'),
    'samples/1.png': lambda f: grid.save_png(
        f / 'samples' / '1.png', np.zeros((4, 4), np.uint8)),
    'net.npz': lambda f: _cache.write(f / 'net.npz', b'bytes'),
    'stability/00000007.standard.npz': stability,
    'genotypes/1.json': lambda f: genotype.save(
        f / 'genotypes' / '1.json', genotype.load('residual')),
    'pair/sparse.safetensors': lambda f: pair.write(
        f, 'sparse', 7, Network({'w': np.zeros(2, np.float32)}, {})),
}


@pytest.mark.parametrize('name', WRITERS)
def test_no_temporary_name_can_be_guessed(name, tmp_path):
  victim = tmp_path / 'victim'
  victim.write_text('mine')
  folder = tmp_path / 'run'
  path = folder / name
  path.parent.mkdir(parents=True)
  for part in (f'.{path.name}.part', f'.{path.name}.partial', f'.{path.name}',
               f'.{path.name.partition(".")[2]}'):
    (path.parent / part).symlink_to(victim)
  WRITERS[name](folder)
  assert victim.read_text() == 'mine'
  assert path.is_file() and not path.is_symlink()
  first = path.stat().st_ino
  WRITERS[name](folder)  # again: replaced, and nothing is left beside it
  assert path.stat().st_ino != first
  assert not [p for p in path.parent.iterdir() if not p.is_symlink()
              and p.name not in (path.name, 'steps.json')]


def test_records_are_not_appended_through_a_link(tmp_path):
  victim = tmp_path / 'victim'
  victim.write_text('mine, without an end of line')
  (tmp_path / 'scores.jsonl').symlink_to(victim)
  workdir.append(tmp_path / 'scores.jsonl', {'step': 1})
  assert victim.read_text() == 'mine, without an end of line'
  assert workdir.records(tmp_path / 'scores.jsonl') == [{'step': 1}]


def test_a_block_that_fails_leaves_the_file_as_it_was(tmp_path):
  path = tmp_path / 'a.txt'
  path.write_text('old')
  with (pytest.raises(ZeroDivisionError), files.replacing(path) as part):
    part.write_text('half of the n')
    raise ZeroDivisionError
  assert [p.name for p in tmp_path.iterdir()] == ['a.txt']
  assert path.read_text() == 'old'


def test_a_linked_lock_or_half_made_folder_is_not_followed(tmp_path):
  config = configs.complete(configs.base())
  victim, other = tmp_path / 'victim', tmp_path / 'other'
  victim.write_text('mine')
  other.mkdir()
  (tmp_path / 'run').mkdir()
  (tmp_path / 'run' / '.lock').symlink_to(victim)
  (tmp_path / '.new.part').symlink_to(other)
  with workdir.opened(tmp_path / 'run', config):
    pass
  with workdir.made(tmp_path / 'new', config):
    pass
  assert victim.read_text() == 'mine'
  assert not any(pathlib.Path(other).iterdir())
  assert (tmp_path / 'new' / 'config.json').is_file()
