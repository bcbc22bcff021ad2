"""Curves that keep their peaks, the front of the best, images that fit."""
import base64
import io
import math

import numpy as np
import pytest
from PIL import Image

from jgan.report import grid
from jgan.report.page import pictures, plots
from jgan.report.page.thinning import thin

RNG = np.random.default_rng(0)


def test_a_thinned_curve_keeps_its_ends_its_peaks_and_a_gap():
  points = {step: math.sin(step / 100.) for step in range(5000)}
  points[1234], points[77], points[4321] = 9., -9., math.nan
  steps, values = thin(points, 100)
  assert len(steps) <= 100 and steps == sorted(steps)
  assert (steps[0], steps[-1]) == (0, 4999)
  shown = dict(zip(steps, values))
  assert shown[1234] == 9. and shown[77] == -9. and shown[4321] is None
  assert thin(points, 5000)[0] == list(range(5000))


def test_values_that_are_not_finite_are_gaps_and_are_counted():
  look = plots.looks(['a'])
  figure = plots.curves('x', 'x', {'a': {1: 1., 2: math.inf, 3: 2.}}, look)
  assert figure['data'][0]['y'] == [1., None, 2.]
  assert figure['caption'] == '1 values are not finite.'


@pytest.mark.parametrize('values, scale', [
    ((1., 100.), 'log'), ((1., 99.), None), ((0., 100.), None),
    ((-1., 100.), None)])
def test_wide_ranges_of_positive_values_have_a_logarithmic_scale(values, scale):
  points = dict(enumerate(values))
  figure = plots.curves('x', 'x', {'a': points}, plots.looks(['a']))
  assert figure['layout']['yaxis'].get('type') == scale


def test_the_front_has_the_runs_that_no_other_beats_in_both():
  points = {'small': (1., 9.), 'worse': (2., 9.5), 'middle': (2., 5.),
            'large': (4., 1.), 'waste': (9., 1.)}
  assert plots.front_of(points, 'lower') == ['small', 'middle', 'large']
  assert plots.front_of(points, 'higher') == ['small', 'worse']


def test_a_tradeoff_says_which_direction_is_better():
  points = {'a': (1., 2., True), 'b': (2., 1., False),
            'c': (3., math.nan, True)}
  look = plots.looks(points)
  for better, y in (('lower', 0.), ('higher', 1.)):
    figure = plots.tradeoff(points, look, x='parameters', y='FID',
                            better=better)
    arrow, = figure['layout']['annotations']
    assert arrow['text'] == 'better' and round(arrow['y']) == y
    assert f'{better} is better' in figure['layout']['yaxis']['title']['text']
  front, a, b = figure['data']
  assert front['x'] == [1.]  # b was scored under another protocol
  assert not a['marker']['symbol'].endswith('-open')
  assert b['marker']['symbol'].endswith('-open')


def test_runs_of_one_colour_differ_in_dash_and_symbol():
  looks = plots.looks([str(i) for i in range(24)])
  assert len({tuple(look.values()) for look in looks.values()}) == 24


def test_only_seeds_share_a_colour():
  """Runs that merely lie in one folder do not."""
  look = plots.looks(['runs/a', 'runs/b', 'lr=1/seed_0', 'lr=1/seed_1'])
  a, b, first, second = (each['color'] for each in look.values())
  assert len({a, b, first}) == 3 and first == second


def test_ranks_are_sorted_as_numbers():
  rows = [('a', 16, 1.), ('a', 8, 2.), ('b', 16, 3.)]
  figure = plots.sensitivity('s', 'run', rows, base=1., worst=2.,
                             better='lower', metric='FID')
  assert [trace['name'] for trace in figure['data']] == ['rank 8', 'rank 16']
  assert [shape['y0'] for shape in figure['layout']['shapes']] == [1., 2.]


def decoded(source):
  head, text = source.split(',')
  assert head == 'data:image/webp;base64'
  data = base64.b64decode(text)
  return np.asarray(Image.open(io.BytesIO(data))), len(data)


def test_an_image_that_fits_keeps_its_pixels():
  picture = RNG.integers(0, 256, (20, 30, 3), np.uint8)
  shown, _ = decoded(pictures.encoded(picture, 10**5))
  np.testing.assert_array_equal(shown, picture)


@pytest.mark.parametrize('most', [20000, 3000, 600])
def test_an_image_of_noise_is_made_as_small_as_it_has_to_be(most):
  picture = RNG.integers(0, 256, (300, 300, 3), np.uint8)
  shown, size = decoded(pictures.encoded(picture, most))
  assert size <= most and shown.shape[0] == shown.shape[1]


def test_a_grid_is_shown_without_its_enlargement(tmp_path):
  images = RNG.integers(0, 256, (7, 16, 16, 3), np.uint8)
  grid.save_png(tmp_path / 'grid.png', grid.grid(images))
  cells, columns = grid.images_of(grid.read_png(tmp_path / 'grid.png'), 16)
  assert columns == 3 and cells.shape == (9, 16, 16, 3)
  np.testing.assert_array_equal(cells[:7], images)
  assert (cells[7:] == 255).all()
  source, native = pictures.of_file(tmp_path / 'grid.png', 10**5, 16)
  shown, _ = decoded(source)
  assert native and shown.shape == (3 * 17 + 1, 3 * 17 + 1, 3)
  # Another picture stays as it is.
  grid.save_png(tmp_path / 'other.png', images[0])
  assert grid.images_of(images[0], 16) == ((), 0)
  source, native = pictures.of_file(tmp_path / 'other.png', 10**5, 16)
  np.testing.assert_array_equal(decoded(source)[0], images[0])
  assert not native


def test_the_first_and_the_last_frame_are_always_shown():
  assert pictures.spaced([*range(100)], 5) == [0, 32, 64, 96, 99]
  assert pictures.spaced([*range(101)], 5) == [0, 32, 64, 96, 100]
  assert pictures.spaced([*range(97)], 5) == [0, 32, 64, 96]
  assert pictures.spaced([1, 2], 5) == [1, 2]
  assert pictures.spaced([1, 2], 1) == [2]
