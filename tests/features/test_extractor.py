"""Batches, devices and padding, on a network that can be checked by eye."""
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.errors import UserError
from jgan.features import _extractor


def sums(traces):
  """'features' are w * (sum, height) of each image; counts its traces."""

  def apply(variables, images):
    traces.append(images.shape)
    total = images.astype(jnp.float32).sum((1, 2, 3))
    rows = jnp.stack([total, jnp.full_like(total, images.shape[1])], 1)
    return {'features': variables['w'] * rows, 'logits': rows[:, :1]}

  return _extractor.Extractor(
      'sums', 'FD-sums', '0' * 64, 2, 1, 4, {'w': np.float32(2)},
      lambda images: _extractor.rgb(images, 'sums'), apply, {})


def images(n, channels=3):
  rng = np.random.default_rng(0)
  return rng.integers(0, 256, (n, 3, 3, channels), np.uint8)


@pytest.mark.parametrize('devices', [1, 8])
@pytest.mark.parametrize('n', [1, 4, 11])
def test_every_image_has_its_row_whatever_the_batches(n, devices):
  run = _extractor.compiled(sums([]), jax.devices()[:devices])
  x = images(n)
  out = run(x)
  np.testing.assert_allclose(out['features'][:, 0], 2 * x.sum((1, 2, 3)))
  assert out['features'].shape == (n, 2) and out['logits'].shape == (n, 1)
  assert all(type(v) is np.ndarray and v.dtype == np.float32
             for v in out.values())


def test_ragged_batches_do_not_compile_again():
  traces = []
  run = _extractor.compiled(sums(traces), jax.devices()[:1])
  for n in (4, 1, 11):
    run(images(n))
  assert traces == [(4, 3, 3, 3)]


def test_rows_are_split_over_the_devices():
  shapes = []
  net = sums([])

  def apply(variables, images):
    jax.debug.inspect_array_sharding(images, callback=lambda s: shapes.append(
        s.shard_shape(images.shape)))
    return net.apply(variables, images)

  _extractor.compiled(net._replace(apply=apply), jax.devices()[:4])(images(8))
  assert shapes == [(1, 3, 3, 3)]


def test_only_the_outputs_asked_for_are_returned():
  run = _extractor.compiled(sums([]), jax.devices()[:1])
  assert list(run(images(2), ('logits',))) == ['logits']


def test_grey_is_color_with_three_equal_channels():
  run = _extractor.compiled(sums([]), jax.devices()[:1])
  grey = images(2, channels=1)
  np.testing.assert_array_equal(run(grey)['features'],
                                run(np.repeat(grey, 3, -1))['features'])


@pytest.mark.parametrize('wrong, message', [
    (images(0), 'no images for sums'),
    (images(2, channels=4), '1 or 3 channels, not 4'),
    (images(2)[0], r'\[n, h, w, c\] of uint8, not \[3, 3, 3\]'),
    (images(2) / 255, 'of uint8, not .* of float64'),
])
def test_other_things_than_images_are_refused(wrong, message):
  run = _extractor.compiled(sums([]), jax.devices()[:1])
  with pytest.raises(UserError, match=message):
    run(wrong)


def test_only_the_published_weights_go_by_the_bare_name():
  assert _extractor.name_of('net', 'abcd' * 16, 'abcdabcd') == 'net'
  assert _extractor.name_of('net', 'abcd' * 16, 'abcdabce') == 'net-abcdabcd'
