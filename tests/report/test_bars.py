"""Bars: their length is the harm, and who is above the budget is seen."""
import math

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from jgan.errors import UserError
from jgan.report import bars, figure, tradeoff

ROWS = [('linear', 4, 6.), ('cell/conv', 4, 9.), ('cell/conv', 2, 40.),
        ('linear', 2, 5.5)]


def drawn(page):
  """(axes, bars from left to right)."""
  axes, = page.axes
  return axes, sorted(axes.patches, key=lambda bar: bar.get_x())


def red(bar):
  r, _, b = bar.get_facecolor()[:3]
  return r > b


def test_bars_start_at_the_base_and_end_at_their_score(pages):
  bars.draw('x', ROWS, base=5.7)
  axes, found = drawn(pages[0])
  assert {bar.get_y() for bar in found} == {5.7}
  # Layers in order of appearance, ranks rising.
  np.testing.assert_allclose([bar.get_y() + bar.get_height() for bar in found],
                             [5.5, 6., 40., 9.])
  assert [t.get_text() for t in axes.get_xticklabels()] == [
      'linear', 'cell/conv']
  assert [t.get_text() for t in axes.texts] == [
      '6.000', '9.000', '40.00', '5.500']
  assert {5.7} == {*axes.lines[0].get_ydata()}
  assert not any(map(red, found))


def test_what_is_above_the_budget_is_highlighted_and_cannot_hide_the_rest(
    pages):
  bars.draw('x', ROWS, base=5., budget=6.)
  axes, found = drawn(pages[0])
  assert [red(bar) for bar in found] == [False, False, True, True]
  ends = [bar.get_y() + bar.get_height() for bar in found]
  np.testing.assert_allclose(ends, [5.5, 6., 9., 9.])
  assert [t.get_text() for t in axes.texts][2] == '40.00 \N{RIGHTWARDS ARROW}'
  linear, conv = axes.get_xticklabels()
  assert to_rgb(conv.get_color()) == to_rgb(bars._HARMFUL)
  assert to_rgb(linear.get_color()) == to_rgb(figure.INK)


@pytest.mark.parametrize('better, sign, arrow', [
    ('lower', 1., '\N{UPWARDS ARROW}'), ('higher', -1., '\N{DOWNWARDS ARROW}')])
def test_a_far_budget_does_not_flatten_the_bars(pages, better, sign, arrow):
  bars.draw('x', [(layer, rank, sign * score) for layer, rank, score in ROWS],
            base=sign * 5.7, budget=sign * 900., better=better)
  axes, found = drawn(pages[0])
  assert np.ptp(axes.get_ylim()) < 1.5 * (40. - 5.5)
  labels = [text.get_text() for text in pages[0].legends[0].get_texts()]
  assert labels[-1] == f'budget: {sign * 900.:#.4g} {arrow}'
  assert not any(map(red, found))


def test_where_more_is_better_what_is_below_the_budget_is_highlighted(pages):
  bars.draw('x', [(layer, rank, 50. - score) for layer, rank, score in ROWS],
            base=45., budget=44., better='higher')
  axes, found = drawn(pages[0])
  assert [red(bar) for bar in found] == [False, False, True, True]
  ends = [bar.get_y() + bar.get_height() for bar in found]
  np.testing.assert_allclose(ends, [44.5, 44., 41., 41.])
  assert [t.get_text() for t in axes.texts][2] == '10.00 \N{LEFTWARDS ARROW}'
  assert to_rgb(axes.get_xticklabels()[1].get_color()) == to_rgb(bars._HARMFUL)


def test_a_layer_is_named_as_harmed_only_if_no_rank_suits_it(pages):
  bars.draw('x', ROWS, base=5., budget=9.)
  axes, found = drawn(pages[0])
  assert [red(bar) for bar in found] == [False, False, True, False]
  assert to_rgb(axes.get_xticklabels()[1].get_color()) == to_rgb(figure.INK)


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('rows', [
    ROWS, [('a', 1, 5.)], [('a', 1, math.nan)], [('a', 1, math.inf)],
    [('a', 4, 6.), ('b', 256, 4.)]])
def test_little_and_odd_scores_make_the_same_bytes_twice(tmp_path, rows):
  for name in ('a.png', 'b.png'):
    bars.draw(tmp_path / name, rows, base=5., budget=5.5)
  first = (tmp_path / 'a.png').read_bytes()
  assert first == (tmp_path / 'b.png').read_bytes()
  assert np.asarray(Image.open(tmp_path / 'a.png')).std() > 0


def test_mistakes_in_bars_are_refused():
  with pytest.raises(UserError, match="'linear' has two scores at rank 4"):
    bars.draw('x', [*ROWS, ROWS[0]], base=5.)
  with pytest.raises(UserError, match='0 layers'):
    bars.draw('x', [], base=5.)
  with pytest.raises(UserError, match='base of nan'):
    bars.draw('x', ROWS, base=math.nan)


def test_a_tradeoff_marks_what_was_scored_otherwise(pages):
  tradeoff.draw('x', {
      'FID': {'big': (2e7, 5.8, True), 'small': (6e6, 6.1, False),
              'lost': (1e6, math.nan, True)},
      'IS': {'small': (6e6, 9., True)}})
  fid, score = pages[0].axes
  assert [a.get_title(loc='left') for a in (fid, score)] == [
      'FID (hollow: another protocol)', 'IS']
  np.testing.assert_allclose([c.get_offsets()[0] for c in fid.collections],
                             [(2e7, 5.8), (6e6, 6.1)])
  big, small = (to_rgb(c.get_facecolor()[0]) for c in fid.collections)
  assert big == to_rgb(figure.COLORS[0]) and small == to_rgb('white')
  assert to_rgb(score.collections[0].get_facecolor()[0]) == to_rgb(
      figure.COLORS[1])
  with pytest.raises(UserError, match='no score'):
    tradeoff.draw('x', {'FID': {'lost': (1e6, math.nan, True)}})
