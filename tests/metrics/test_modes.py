"""Modes covered, by samples whose modes are known."""
import numpy as np
import pytest

from jgan.data import mixture
from jgan.errors import Stopped, UserError
from jgan.metrics import modes
from jgan.metrics._samples import Samples


def score(images, **knobs):
  return modes.score(None, Samples(len(images), images=images), **knobs)


def points(xy):
  return np.asarray(xy, np.float32).reshape(-1, 1, 1, 2)


@pytest.mark.parametrize('kind, total', [('grid', 25), ('ring', 8)])
def test_the_data_itself_covers_all_modes_evenly(kind, total):
  value = score(mixture.load(None, kind=kind, count=40 * total), kind=kind)
  assert value['covered'] == total
  assert value['kl'] == pytest.approx(0., abs=1e-12)
  # Three standard deviations of a Gaussian in the plane hold 1 - exp(-9/2).
  assert value['high_quality'] == pytest.approx(1. - np.exp(-4.5), abs=.012)


def test_samples_of_one_mode_have_the_greatest_divergence():
  value = score(points(np.repeat(mixture.modes()[3:4], 10, axis=0)))
  assert value == pytest.approx(
      {'covered': 1., 'high_quality': 1., 'kl': np.log(25.)})


def test_a_mode_needs_samples_within_three_deviations():
  a, b = mixture.modes()[:2]
  xy = np.array([a, a, a, b])
  xy += [[0., 0.], [.029, 0.], [.031, 0.], [0., .04]]
  assert score(points(xy)) == pytest.approx(
      {'covered': 1., 'high_quality': .5,
       'kl': .75 * np.log(.75 * 25) + .25 * np.log(.25 * 25)})
  assert score(points(xy), at_least=3)['covered'] == 0.
  assert score(points(xy), std=.02)['covered'] == 2.


def test_bytes_are_read_as_images():
  images = mixture.load(None, render='images', count=100)
  value = score(images, std=.02)
  assert value['covered'] == 25. and value['high_quality'] > .95
  floats = score(images / 127.5 - 1., std=.02)
  assert floats == pytest.approx(value)


def test_mistakes_in_samples_are_refused():
  with pytest.raises(UserError, match='no samples'):
    score(points(np.zeros((0, 2))))
  with pytest.raises(UserError, match=r"no 'gird' .* did you mean 'grid'"):
    score(points(mixture.modes()), kind='gird')
  with pytest.raises(Stopped, match='not finite'):
    score(points([[np.nan, 0.]]))
