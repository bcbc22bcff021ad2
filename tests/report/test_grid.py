"""Sample grids: where the pixels go, and that files are whole."""
import numpy as np
import pytest
from PIL import Image

from jgan.errors import UserError
from jgan.ops.quantize import to_uint8
from jgan.report import grid


def test_levels_are_rounded_and_clipped():
  values = np.array([-5., -1., -.999, 0., .999, 1., 5., np.nan])
  assert to_uint8(values).tolist() == [0, 0, 0, 128, 255, 255, 255, 0]


def test_every_level_survives_the_way_there_and_back():
  levels = np.arange(256, dtype=np.uint8)
  np.testing.assert_array_equal(
      to_uint8(np.float32(levels) / np.float32(127.5) - 1), levels)
  np.testing.assert_array_equal(to_uint8(levels), levels)


def test_images_stand_in_rows_with_gaps_around():
  images = np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1).repeat(2, 2)
  whole = grid.grid(images, tile=1, gap=1, background=9)
  np.testing.assert_array_equal(whole[..., 0], [
      [9, 9, 9, 9, 9, 9, 9, 9, 9, 9],
      [9, 0, 0, 9, 1, 1, 9, 2, 2, 9],
      [9, 9, 9, 9, 9, 9, 9, 9, 9, 9],
      [9, 3, 3, 9, 4, 4, 9, 9, 9, 9],
      [9, 9, 9, 9, 9, 9, 9, 9, 9, 9]])


@pytest.mark.parametrize('size, factor', [(8, 8), (28, 2), (64, 1), (100, 1)])
def test_tiny_images_are_enlarged_by_a_whole_factor(size, factor):
  rng = np.random.default_rng(0)
  image = rng.integers(256, size=(1, size, size, 3), dtype=np.uint8)
  whole = grid.grid(image, gap=0)
  assert whole.shape == (size * factor, size * factor, 3)
  np.testing.assert_array_equal(whole[::factor, ::factor], image[0])
  np.testing.assert_array_equal(whole[factor - 1::factor, ::factor], image[0])


@pytest.mark.parametrize('n, rows, columns', [
    (1, 1, 1), (2, 1, 2), (5, 2, 3), (9, 3, 3), (10, 3, 4), (64, 8, 8)])
def test_grids_are_nearly_square(n, rows, columns):
  whole = grid.grid(np.zeros((n, 1, 1, 1)), tile=1, gap=0)
  assert whole.shape == (rows, columns, 1)


@pytest.mark.parametrize('shape', [(4, 8, 8), (0, 8, 8, 1), (4, 8, 8, 2)])
def test_what_is_no_batch_of_images_is_refused(shape):
  with pytest.raises(UserError, match='no grid'):
    grid.grid(np.zeros(shape))


@pytest.mark.parametrize('shape', [(4, 5), (4, 5, 1), (4, 5, 3)])
def test_a_png_reads_back_as_it_was_and_leaves_nothing_beside_it(
    tmp_path, shape):
  array = np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)
  path = tmp_path / 'new' / 'a.png'
  grid.save_png(path, array)
  np.testing.assert_array_equal(np.asarray(Image.open(path)), array.squeeze())
  assert [p.name for p in path.parent.iterdir()] == ['a.png']


def test_a_failed_write_leaves_the_old_file(tmp_path):
  path = tmp_path / 'a.png'
  grid.save_png(path, np.zeros((2, 2), np.uint8))
  before = path.read_bytes()
  with pytest.raises((TypeError, OSError)):
    grid.save_png(path, np.zeros((2, 2), np.complex64))
  assert path.read_bytes() == before
