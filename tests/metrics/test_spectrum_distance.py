"""The distance between mean spectra."""
import numpy as np
import pytest

from jgan.errors import UserError
from jgan.metrics import _spectra, spectrum
from jgan.metrics._samples import Samples
from jgan.ops import spectrum as transform


def images(n=12, size=16, channels=3, seed=0):
  rng = np.random.default_rng(seed)
  return rng.integers(0, 256, (n, size, size, channels), dtype=np.uint8)


def smooth(x):
  """Without the high frequencies, as after upsampling."""
  return x[:, ::2, ::2].repeat(2, axis=1).repeat(2, axis=2)


def score(real, fake, **knobs):
  return spectrum.score(Samples(len(real), images=real),
                        Samples(len(fake), images=fake), **knobs)['']


def test_it_is_the_mean_difference_of_the_mean_profiles():
  real, fake = images(), smooth(images(9, seed=1))
  one, two = (transform.normalise(transform.profile(np.float32(x) / 255.))
              for x in (real, fake))
  want = np.mean(np.abs(one.mean(0) - two.mean(0)))
  np.testing.assert_allclose(score(real, fake), want, rtol=1e-4)


def test_it_is_zero_for_the_same_set_and_sees_missing_frequencies():
  assert score(images(), images()) == 0.
  assert 0. < 3. * score(images(), images(seed=1)) < score(
      images(), smooth(images(seed=1)))


def test_profiles_do_not_depend_on_the_batch_they_are_made_in(monkeypatch):
  whole = spectrum.profiles(images(channels=1), center='true_dc')
  assert whole.shape == (12, 10)
  np.testing.assert_allclose(whole.min(axis=1), 0., atol=1e-6)
  np.testing.assert_allclose(whole.max(axis=1), 1., atol=1e-6)
  monkeypatch.setattr(_spectra, '_PIXELS', 5 * 16 * 16)
  np.testing.assert_allclose(
      spectrum.profiles(images(channels=1), center='true_dc'), whole, atol=1e-6)


def test_mistakes_in_images_are_refused():
  with pytest.raises(UserError, match=r"'true_DC': did you mean 'true_dc'\?"):
    score(images(), images(), center='true_DC')
  with pytest.raises(UserError, match=r'\[16, 16\] real and \[8, 8\] gen'):
    score(images(), images(size=8))
  with pytest.raises(UserError, match='4 x 4 pixels'):
    score(images(size=4), images(size=4))
  with pytest.raises(UserError, match=r'shape \[12, 16, 16, 2\]'):
    spectrum.profiles(images(channels=2))
