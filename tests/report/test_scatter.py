"""Scatter plots of points in the plane."""
import numpy as np
import pytest
from PIL import Image

from jgan.errors import UserError
from jgan.report import figure, scatter

CENTERS = np.array([[0., 2.], [2., 0.], [-2., 0.]])


def test_the_view_is_that_of_the_real_points_and_tells_who_left_it(monkeypatch):
  pages = []
  monkeypatch.setattr(figure, 'save', lambda path, page: pages.append(page))
  fake = np.array([[0., 1.], [99., 0.], [np.nan, 0.], [1., 1.]])
  scatter.draw('x', CENTERS + .1, fake, CENTERS)
  axes, = pages[0].axes
  assert axes.get_title(loc='left').startswith('2 of 4 generated')
  low, high = axes.get_xlim()
  assert low < -2. and 2.1 < high < 4.
  real, generated, modes = (c.get_offsets() for c in axes.collections)
  np.testing.assert_allclose(real, CENTERS + .1)
  np.testing.assert_allclose(generated, fake[[0, 3]])
  np.testing.assert_allclose(modes, CENTERS)


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('centers', [CENTERS, ()])
def test_a_png_is_written_with_and_without_modes(tmp_path, centers):
  for name in ('a.png', 'b.png'):
    scatter.draw(tmp_path / name, CENTERS, -CENTERS, centers)
  assert np.asarray(Image.open(tmp_path / 'a.png')).std() > 0
  assert (tmp_path / 'a.png').read_bytes() == (tmp_path / 'b.png').read_bytes()


def test_points_of_another_dimension_are_refused():
  with pytest.raises(UserError, match=r'generated points have shape \[3, 3\]'):
    scatter.draw('x', CENTERS, np.zeros((3, 3)))
