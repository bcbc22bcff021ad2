"""A run goes on with the images that it was begun with, or says so."""
import json

import numpy as np
import pytest
from PIL import Image

from jgan import config as configs
from jgan.errors import Stopped, UserError
from jgan.run import images, loop


def fill(folder, count):
  folder.mkdir(exist_ok=True)
  for i in range(count):
    Image.fromarray(np.random.default_rng(i).integers(
        0, 256, (16, 16, 3), np.uint8)).save(folder / f'{i:03d}.png')
  return folder


def small():
  c = configs.base()
  c.steps, c.batch, c.devices = 2, 8, 1
  c.data = {'name': 'image_folder', 'size': 16}
  c.generator = {'name': 'dcgan', 'latent': 8, 'width': 4}
  c.discriminator = {'name': 'dcgan', 'width': 4}
  return c


def test_other_images_are_refused_before_anything_is_compiled(
    tmp_path, monkeypatch):
  first, second = fill(tmp_path / 'a', 30), fill(tmp_path / 'b', 32)
  begun = []

  def begin(*_):
    begun.append(1)
    raise Stopped('here')

  monkeypatch.setattr(loop, 'begin', begin)
  run = lambda data, **options: loop.run(
      small(), tmp_path / 'run', data_dir=str(data), **options)
  with pytest.raises(Stopped):
    run(first)
  (tmp_path / 'run' / 'metrics.jsonl').touch()
  with pytest.raises(UserError) as e:
    run(second)
  text = str(e.value)
  assert '\n' not in text and '--allow_config_change' in text
  assert '30 of 16 x 16 x 3' in text and '32 of 16 x 16 x 3' in text
  assert f'--data_dir={first}' in text and f'--data_dir={second}' in text
  with pytest.raises(Stopped):
    run(first.rename(tmp_path / 'moved'))
  assert len(begun) == 2


def test_other_images_are_taken_when_allowed_and_said_once(tmp_path, caplog):
  one, two = np.zeros((4, 2, 2, 1), np.uint8), np.ones((4, 2, 2, 1), np.uint8)
  images.settle(tmp_path, one, 'here')
  (tmp_path / 'metrics.jsonl').touch()
  with pytest.raises(UserError, match='was begun with other images'):
    images.settle(tmp_path, two, 'there')
  images.settle(tmp_path, two, 'there', allow_change=True)
  assert caplog.text.count('was begun with other images') == 1
  images.settle(tmp_path, two, 'there')
  assert json.loads((tmp_path / 'images.json').read_text())['data_dir'] == (
      'there')


@pytest.mark.parametrize('damage', ['', '{', '[1]', '{"fingerprint": 3}'])
def test_a_damaged_record_stops_no_run(damage, tmp_path, caplog):
  (tmp_path / 'images.json').write_text(damage)
  images.settle(tmp_path, np.zeros((4, 2, 2, 1), np.uint8), '')
  assert 'images.json is damaged' in caplog.text
  assert len(json.loads((tmp_path / 'images.json').read_text())[
      'fingerprint']) == 16


def test_another_process_compares_and_writes_nothing(tmp_path):
  source = np.zeros((4, 2, 2, 1), np.uint8)
  images.settle(tmp_path, source, '', writer=False)
  assert not list(tmp_path.iterdir())
  images.settle(tmp_path, source, '')
  (tmp_path / 'metrics.jsonl').touch()
  with pytest.raises(UserError, match='other images'):
    images.settle(tmp_path, source[:3], '', writer=False)
