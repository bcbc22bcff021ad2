"""Spectra: both sets' mean, in a band of their deviation."""
import numpy as np
import pytest
from PIL import Image

from jgan.errors import UserError
from jgan.report import figure, spectra


def test_means_are_lines_and_deviations_bands(monkeypatch):
  pages = []
  monkeypatch.setattr(figure, 'save', lambda path, page: pages.append(page))
  rng = np.random.default_rng(0)
  real, fake = rng.random((10, 7)), rng.random((4, 7))
  spectra.draw('x', real, fake)
  axes, = pages[0].axes
  for line, band, profiles in zip(axes.lines, axes.collections, (real, fake)):
    np.testing.assert_allclose(line.get_ydata(), profiles.mean(0))
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.max() == pytest.approx((profiles.mean(0)
                                           + profiles.std(0)).max())
  assert [line.get_label() for line in axes.lines] == ['real', 'generated']


def test_a_file_is_written(tmp_path):
  spectra.draw(tmp_path / 'a.png', np.eye(5), np.eye(5))
  assert np.asarray(Image.open(tmp_path / 'a.png')).std() > 0


def test_profiles_of_two_lengths_are_refused():
  with pytest.raises(UserError, match=r'\[3, 5\] and \[3, 6\]'):
    spectra.draw('x', np.zeros((3, 5)), np.zeros((3, 6)))
