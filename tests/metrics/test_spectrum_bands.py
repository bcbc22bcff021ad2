"""Energy of the fakes in bands of frequency, relative to that of the reals."""
import numpy as np
import pytest

from jgan.errors import UserError
from jgan.metrics import _spectra, spectrum_bands
from jgan.metrics._samples import Samples

N = 24


def waves(amplitudes, frequencies=(2, 6, 11), phase=0.):
  """One image [24, 24, 1] of vertical waves, so many periods wide."""
  x = np.arange(N)
  rows = 128. + sum(a * np.cos(2. * np.pi * f * x / N + phase)
                    for a, f in zip(amplitudes, frequencies))
  return np.uint8(np.round(np.broadcast_to(rows, (N, N))))[None, ..., None]


def score(real, fake):
  return spectrum_bands.make(Samples(len(real), images=real))(
      Samples(len(fake), images=fake))


def test_each_wave_counts_in_its_band_by_its_squared_amplitude():
  found = score(waves((40, 20, 30)), waves((20, 40, 30), phase=1.))
  assert list(found) == ['low', 'mid', 'high']
  np.testing.assert_allclose([*found.values()], [.25, 4., 1.], rtol=.02)


def test_all_energy_but_that_of_the_mean_is_in_one_band():
  # Parseval: |F|^2 sums to h w times the sum of squares.
  images = np.random.default_rng(0).integers(0, 256, (5, 9, 13, 1), np.uint8)
  x = images / 255.
  want = 9 * 13 * np.mean(np.sum((x - x.mean((1, 2), keepdims=True))**2,
                                 axis=(1, 2, 3)))
  np.testing.assert_allclose(spectrum_bands.energies(images).sum(), want,
                             rtol=1e-5)


def test_blurred_images_lack_the_high_band_alone():
  real = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 3), np.uint8)
  fake = real[:, ::2, ::2].repeat(2, axis=1).repeat(2, axis=2)
  found = score(real, fake)
  assert found['high'] < .5 < found['low']
  same = score(real, real[::-1])
  np.testing.assert_allclose([*same.values()], 1., rtol=1e-5)


def test_it_does_not_depend_on_how_many_are_transformed_at_once(monkeypatch):
  x = np.random.default_rng(0).integers(0, 256, (7, 8, 8, 3), np.uint8)
  whole = spectrum_bands.energies(x)
  monkeypatch.setattr(_spectra, '_PIXELS', 3 * 64)
  np.testing.assert_allclose(spectrum_bands.energies(x), whole, rtol=1e-5)


def test_images_without_a_spectrum_are_refused():
  flat = np.full((2, 8, 8, 1), 7, np.uint8)
  with pytest.raises(UserError, match='no energy in the low band'):
    score(np.zeros_like(flat), flat)
  with pytest.raises(UserError, match=r'\[24, 24\] real and \[8, 8\] gen'):
    score(waves((40, 20, 30)), flat)
  with pytest.raises(UserError, match='4 x 4 pixels'):
    spectrum_bands.energies(flat[:, :4, :4])
  with pytest.raises(UserError, match=r'shape \[2, 8, 8, 2\]'):
    spectrum_bands.energies(flat.repeat(2, axis=3))
