"""Pillow's bicubic resize, bit for bit."""
import numpy as np
import pytest
from PIL import Image

from jgan.ops.resize import pillow_bicubic


@pytest.mark.parametrize('height, width, size', [
    (8, 8, 56), (40, 40, 24), (40, 25, 24), (60, 300, 56), (1, 3, 8),
    (16, 16, 16)])
def test_every_grey_level_is_pillows(height, width, size):
  rng = np.random.default_rng(height)
  rough = rng.integers(0, 256, (height, width, 3), np.uint8)
  hard = 255 * (rough > 127).astype(np.uint8)  # overshoots, and is clipped
  ours = np.asarray(pillow_bicubic(np.stack([rough, hard]), size))
  assert ours.dtype == np.uint8
  for image, out in zip((rough, hard), ours):
    want = Image.fromarray(image)
    if height != width:  # the width first, whatever Pillow's version
      want = want.resize((size, height), Image.Resampling.BICUBIC)
    want = want.resize((size, size), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(out, want)


def test_shrinking_averages_what_an_output_covers():
  board = np.uint8(np.indices((64, 64)).sum(0) % 2 * 255)[None, ..., None]
  inner = np.asarray(pillow_bicubic(board, 8))[0, 1:-1, 1:-1, 0]
  np.testing.assert_allclose(inner, 127.5, atol=1)
