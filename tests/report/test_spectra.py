"""Spectra: the mean of each set, in a band of its deviation."""
import numpy as np
import pytest
from PIL import Image

from jgan.errors import UserError
from jgan.report import figure, spectra


def test_means_are_lines_and_deviations_bands(monkeypatch):
  pages = []
  monkeypatch.setattr(figure, 'save', lambda path, page: pages.append(page))
  rng = np.random.default_rng(0)
  sets = {name: rng.random((n, 7)) for name, n in (('real', 10), ('a', 4),
                                                   ('b', 5))}
  spectra.draw('x', sets)
  axes, = pages[0].axes
  assert len(axes.lines) == len(axes.collections) == 3
  for line, band, profiles in zip(axes.lines, axes.collections, sets.values()):
    np.testing.assert_allclose(line.get_ydata(), profiles.mean(0))
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.max() == pytest.approx((profiles.mean(0)
                                           + profiles.std(0)).max())
  assert [line.get_label() for line in axes.lines] == ['real', 'a', 'b']


def test_a_file_is_written(tmp_path):
  spectra.draw(tmp_path / 'a.png', {'real': np.eye(5), 'generated': np.eye(5)})
  assert np.asarray(Image.open(tmp_path / 'a.png')).std() > 0


def test_profiles_of_two_lengths_are_refused():
  with pytest.raises(UserError, match=r'\[3, 5\] and \[3, 6\]'):
    spectra.draw('x', {'a': np.zeros((3, 5)), 'b': np.zeros((3, 6))})
  with pytest.raises(UserError, match='shape none'):
    spectra.draw('x', {})


def test_a_run_of_any_name_stands_in_the_legend(monkeypatch):
  pages = []
  monkeypatch.setattr(figure, 'save', lambda path, page: pages.append(page))
  profiles = np.ones((4, 7))
  spectra.draw('x', dict.fromkeys(('real', '_old', r'a$\b_$c'), profiles))
  pages[0].draw_without_rendering()
  assert [text.get_text() for text in pages[0].axes[0].get_legend().get_texts()
          ] == ['real', ' _old', r'a\$\b_\$c']
