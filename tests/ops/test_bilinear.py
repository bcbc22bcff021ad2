"""Bilinear resizing: rows worked out by hand, PIL, and constants."""
import numpy as np
import pytest
from PIL import Image

from jgan.ops.resize import bilinear


def row(values, size, half_pixel):
  """One row of pixels resized, checked to be alike in both directions."""
  x = np.float32(values).reshape(1, 1, -1, 1)
  tall = bilinear(x.swapaxes(1, 2), size, half_pixel=half_pixel)[0, :, 0, 0]
  wide = bilinear(x, size, half_pixel=half_pixel)[0, 0, :, 0]
  np.testing.assert_array_equal(tall, wide)
  return np.asarray(wide).tolist()


def test_tf1_counts_from_the_corner_and_repeats_the_last_pixel():
  assert row([0, 10], 4, False) == [0, 5, 10, 10]
  assert row([0, 8, 16], 6, False) == [0, 4, 8, 12, 16, 16]
  np.testing.assert_allclose(row([0, 3], 3, False), [0, 2, 3], atol=1e-6)


def test_half_pixel_counts_from_the_centres():
  assert row([0, 10], 4, True) == [0, 2.5, 7.5, 10]
  np.testing.assert_allclose(row([0, 3], 3, True), [0, 1.5, 3], atol=1e-6)


def test_shrinking_skips_pixels_for_there_is_no_antialias():
  assert row([1, 100, 2, 100], 2, False) == [1, 2]
  assert row([0, 100, 100, 100, 100, 0], 2, True) == [100, 100]
  assert row([7, 1, 1, 1, 8, 1, 1, 1], 2, False) == [7, 8]


@pytest.mark.parametrize('half_pixel', [False, True])
def test_the_same_size_and_constants_stay(half_pixel):
  rng = np.random.default_rng(0)
  x = rng.integers(0, 256, (2, 9, 9, 3)).astype(np.float32)
  np.testing.assert_array_equal(bilinear(x, 9, half_pixel=half_pixel), x)
  flat = np.full((1, 7, 13, 1), 201, np.float32)
  np.testing.assert_array_equal(bilinear(flat, 30, half_pixel=half_pixel), 201)


def test_half_pixel_enlarges_as_pil_does():
  rng = np.random.default_rng(1)
  x = rng.uniform(0, 255, (13, 32)).astype(np.float32)
  want = Image.fromarray(x).resize((299, 299), Image.Resampling.BILINEAR)
  ours = bilinear(x[None, ..., None], 299, half_pixel=True)[0, ..., 0]
  np.testing.assert_allclose(ours, want, atol=1e-3)


def test_tf1_matches_float64_interpolation_at_i_h_over_size():
  rng = np.random.default_rng(2)
  x = rng.uniform(0, 255, (32, 20)).astype(np.float32)
  at = [np.minimum(np.arange(299) * n / 299, n - 1) for n in x.shape]
  tall = np.stack([np.interp(at[0], np.arange(32), c) for c in x.T], 1)
  want = np.stack([np.interp(at[1], np.arange(20), r) for r in tall])
  ours = bilinear(x[None, ..., None], 299, half_pixel=False)[0, ..., 0]
  np.testing.assert_allclose(ours, want, atol=2e-3)
