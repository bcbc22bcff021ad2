"""A command that names photos and no config: what it stands for."""
import json
import pathlib
import shlex
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from jgan import cli, photos
from jgan import config as configs
from jgan.errors import UserError


def folder(place, count=4, side=80):
  place.mkdir(parents=True, exist_ok=True)
  rng = np.random.default_rng(0)
  for i in range(count):
    Image.fromarray(rng.integers(0, 256, (side, side + i, 3), np.uint8)).save(
        place / f'{i}.png')
  return place


@pytest.fixture
def places(tmp_path):
  """{name of a data set: a path that it reads}."""
  images = folder(tmp_path / 'images')
  with zipfile.ZipFile(tmp_path / 'a.zip', 'w') as archive:
    for file in images.iterdir():
      archive.write(file, file.name)
  (tmp_path / 'rows').mkdir()
  pq.write_table(pa.table({'image': [
      {'bytes': file.read_bytes(), 'path': file.name}
      for file in images.iterdir()]}), tmp_path / 'rows' / 'a.parquet')
  return {'image_folder': images, 'image_zip': tmp_path / 'a.zip',
          'image_parquet': tmp_path / 'rows'}


@pytest.mark.parametrize('kind', ['image_folder', 'image_zip', 'image_parquet'])
def test_the_command_is_the_one_that_it_says_it_is(kind, places, tmp_path):
  words = ['jgan', f'--data_dir={places[kind]}', '--size=128',
           f'--workdir={tmp_path}/w', '--config.steps=7']
  short = cli.parse(words)
  assert short.config.data.name == kind and short.config.data.size == 128
  assert short.config.steps == 7
  note, = short.notes
  command = shlex.split(note.split('In full: ')[1])
  full = cli.parse(command)
  assert command[1] == '--config=experiments/photos/default.py:128'
  assert full.config == short.config and not full.notes
  assert full.flags.data_dir == str(places[kind])


def test_without_a_size_photos_are_64_wide(places):
  config = cli.parse(['jgan', '--workdir=w', '--data_dir',
                      str(places['image_zip'])]).config
  assert config.data.size == 64


def test_a_run_goes_on_by_the_same_command(places, tmp_path):
  run = tmp_path / 'w'
  words = ['jgan', f'--data_dir={places["image_zip"]}', '--size=64',
           f'--workdir={run}']
  first = cli.parse([*words, '--config.generator.width=4']).config
  run.mkdir()
  (run / 'config.json').write_text(json.dumps(configs.plain(first)))
  again = cli.parse(words)
  assert again.config == first and not again.notes
  assert cli.parse([*words[:2], f'--workdir={run}']).config == first
  with pytest.raises(UserError, match='holds a run at data.size=64, and --size='
                     '128 is another: choose another folder'):
    cli.parse([*words, '--size=128'])


@pytest.mark.parametrize('words, message', [
    (['--size=64', '--config=experiments/digits/default.py'],
     '--config.data.size=64 would be right'),
    (['--size=64'], 'give --data_dir too'),
    (['--size=100', '--data_dir={here}'], '64, 32, 128, 256 would be right'),
    (['--data_dir={here}/nonesuch'], 'nonesuch does not exist'),
    (['--data_dir={here}/empty'], 'holds no images, no Parquet files and no'),
    (['--mode=sample', '--size=64'], 'does not read --size: train does'),
])
def test_what_names_no_photos_is_one_line(words, message, places, tmp_path):
  (tmp_path / 'empty' / '.hidden').mkdir(parents=True)
  folder(tmp_path / 'empty' / '.hidden')
  with pytest.raises(UserError, match=message):
    cli.parse(['jgan', '--workdir=w', *(
        word.format(here=tmp_path if 'empty' in word else places['image_zip'])
        for word in words)])


def test_the_first_kind_that_a_folder_holds_is_taken(places, tmp_path):
  mixed = tmp_path / 'mixed'
  mixed.mkdir()
  places['image_zip'].rename(mixed / 'a.zip')
  assert photos.kind_of(str(mixed)) == 'image_zip'
  (places['image_parquet'] / 'a.parquet').rename(mixed / 'a.parquet')
  assert photos.kind_of(str(mixed)) == 'image_parquet'
  folder(mixed / 'deep' / 'er', 1)
  assert photos.kind_of(str(mixed)) == 'image_folder'


def test_the_readme_shows_this_command_on_its_first_screen():
  root = pathlib.Path(__file__).resolve().parent.parent
  first = (root / 'README.md').read_text().splitlines()[:40]
  assert any('jgan --data_dir=PHOTOS --size=64 --workdir=' in line
             for line in first)
