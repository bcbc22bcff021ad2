"""Rows of a generated image and the real ones nearest to it."""
import numpy as np
import pytest
from PIL import Image

from jgan.errors import UserError
from jgan.report import neighbours


def levels(*values):
  """Images of one grey level each."""
  return np.array(values, np.uint8)[:, None, None, None] + np.zeros(
      (1, 64, 64, 1), np.uint8)


def test_each_row_is_an_image_and_its_neighbours_in_order(tmp_path):
  neighbours.draw(tmp_path / 'a.png', levels(10, 20), levels(1, 2, 3, 4),
                  [[3, 0, 1], [2, 2, 0]])
  picture = np.asarray(Image.open(tmp_path / 'a.png'))
  assert picture.shape == (2 * 66 + 2, 4 * 66 + 2)
  np.testing.assert_array_equal(picture[34::66, 34::66],
                                [[10, 4, 1, 2], [20, 3, 3, 1]])


def test_mistakes_in_rows_are_refused(tmp_path):
  with pytest.raises(UserError, match=r'shape \[3, 1\] for 2 images'):
    neighbours.draw(tmp_path / 'a.png', levels(1, 2), levels(3), [[0]] * 3)
  with pytest.raises(UserError, match=r'\[64, 64, 1\] beside .* \[32, 32, 1\]'):
    neighbours.draw(tmp_path / 'a.png', levels(1)[:, :32, :32], levels(3),
                    [[0]])
