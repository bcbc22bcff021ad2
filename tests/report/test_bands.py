"""Frequency bands over the steps of runs."""
import numpy as np
import pytest
from PIL import Image

from jgan.errors import UserError
from jgan.report import bands, figure

RUNS = {'a': {'low': {20: 1.5, 10: .5}, 'high': {10: 0., 20: 2.}},
        'b': {'low': {10: 1.}, 'high': {10: 4.}}}


def test_each_band_has_a_panel_with_a_line_for_each_run(monkeypatch):
  pages = []
  monkeypatch.setattr(figure, 'save', lambda path, page: pages.append(page))
  bands.draw('x', RUNS)
  low, high = pages[0].axes
  assert low.get_title(loc='left') == 'low frequencies'
  _, a, b = low.lines  # the first is that of the reals
  np.testing.assert_array_equal(a.get_xydata(), [[10, .5], [20, 1.5]])
  np.testing.assert_array_equal(b.get_xydata(), [[10, 1.]])
  np.testing.assert_array_equal(high.lines[1].get_ydata(), [np.nan, 2.])
  assert a.get_color() == high.lines[1].get_color() != b.get_color()
  assert low.get_yscale() == 'log' and low.get_ylim() == high.get_ylim()


@pytest.mark.filterwarnings('error')
def test_a_plot_of_bands_is_written(tmp_path):
  bands.draw(tmp_path / 'a.png', RUNS)
  assert np.asarray(Image.open(tmp_path / 'a.png')).std() > 0


def test_runs_without_bands_are_refused():
  for runs in ({}, {'a': {}}):
    with pytest.raises(UserError, match="metric 'spectrum_bands'"):
      bands.draw('x', runs)
