"""Frames as moving pictures."""
import importlib.util
import sys

import numpy as np
import pytest
from PIL import Image

from jgan.errors import UserError
from jgan.report import video


def frames(colors=3, n=5, size=8):
  """Images that differ from one to the next."""
  for i in range(n):
    yield np.full((size, size, colors), 40 * i, np.uint8)


@pytest.mark.parametrize('colors', [1, 3])
@pytest.mark.parametrize('suffix', ['gif', 'webp'])
def test_frames_come_back_in_their_order_and_time(suffix, colors, tmp_path):
  path = tmp_path / f'walk.{suffix}'
  video.save(path, frames(colors), 20., tile=32)
  with Image.open(path) as picture:
    assert picture.n_frames == 5 and picture.size == (32, 32)
    assert picture.info['loop'] == 0
    for i in range(5):
      picture.seek(i)
      picture.load()
      assert picture.info['duration'] == 50
      shown = np.asarray(picture.convert('L'), int)
      assert abs(shown - 40 * i).max() <= 8
  assert [x.name for x in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize('fps', [0., .5, 101., float('nan')])
def test_times_that_no_file_can_have_are_refused(fps, tmp_path):
  with pytest.raises(UserError, match='from 1 to 100 frames'):
    video.save(tmp_path / 'walk.gif', frames(), fps)


def test_other_formats_and_no_frames_are_refused(tmp_path):
  with pytest.raises(UserError, match='.gif, .webp, .mp4 would be right'):
    video.save(tmp_path / 'walk.avi', frames(), 20.)
  with pytest.raises(UserError, match='no frames'):
    video.save(tmp_path / 'walk.gif', frames(n=0), 20.)
  assert not [*tmp_path.iterdir()]


def test_a_failure_leaves_the_earlier_file(tmp_path):
  def broken():
    yield from frames(n=2)
    raise OSError('no space left')

  path = tmp_path / 'walk.gif'
  video.save(path, frames(), 20.)
  earlier = path.read_bytes()
  with pytest.raises(OSError, match='no space'):
    video.save(path, broken(), 20.)
  assert path.read_bytes() == earlier
  assert [x.name for x in tmp_path.iterdir()] == ['walk.gif']


def test_an_mp4_without_its_packages_names_the_command(monkeypatch, tmp_path):
  monkeypatch.setitem(sys.modules, 'imageio', None)
  with pytest.raises(UserError, match=r'pip install "imageio\[ffmpeg\]"'):
    video.save(tmp_path / 'walk.mp4', frames(), 20.)


@pytest.mark.skipif(not importlib.util.find_spec('imageio_ffmpeg'),
                    reason=f'no imageio-ffmpeg: {video.INSTALL}')
@pytest.mark.parametrize('colors, size', [(1, 8), (3, 9)])
def test_an_mp4_has_the_frames(colors, size, tmp_path):
  import imageio.v2 as imageio
  video.save(tmp_path / 'walk.mp4', frames(colors, size=size), 20., tile=0)
  with imageio.get_reader(tmp_path / 'walk.mp4') as reader:
    assert reader.get_meta_data()['fps'] == 20.
    read = [*reader.iter_data()]
  assert len(read) == 5 and read[0].shape[:2] == (2 * -(-size // 2),) * 2
  for i, frame in enumerate(read):
    assert abs(frame.astype(int) - 40 * i).max() <= 12
