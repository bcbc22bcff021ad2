"""StyleGAN2's layers against numpy, sample by sample."""
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from jgan.errors import UserError
from jgan.layers import modulated
from jgan.layers.equalized import (
  EqualizedConv,
  EqualizedDense,
  scaled_leaky_relu,
)
from jgan.layers.minibatch_stddev import minibatch_stddev
from jgan.layers.modulated import ModulatedConv, convolve_transposed

B, SIZE, C, T, D = 3, 4, 5, 2, 6


def normal(*shape, seed=0):
  return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def params(kernel):
  return {'kernel': normal(kernel, kernel, C, T), 'bias': normal(T, seed=1),
          'style': {'kernel': normal(D, C, seed=2), 'bias': normal(C, seed=3)}}


def convolve(x, kernel):
  """Cross-correlation of one image [h, w, c], of the same size."""
  pad, (h, w, _) = len(kernel) // 2, x.shape
  x = np.pad(x, ((pad, pad), (pad, pad), (0, 0)))
  return np.array([[np.tensordot(x[i:i + len(kernel), j:j + len(kernel)],
                                 kernel, 3) for j in range(w)]
                   for i in range(h)])


def transpose_convolve(x, kernel):
  """Adds x[i] kernel to the output at 2i: [h, w, c] -> [2h + 1, 2w + 1, d]."""
  h, w, _ = x.shape
  out = np.zeros((2 * h + 1, 2 * w + 1, kernel.shape[-1]))
  for i in range(h):
    for j in range(w):
      out[2 * i:2 * i + 3, 2 * j:2 * j + 3] += np.tensordot(
          x[i, j], kernel, (0, 2))
  return out


def smooth(x):
  """Pads by one and applies outer([1, 3, 3, 1], same) / 16 where it fits."""
  x = np.pad(x, ((1, 1), (1, 1), (0, 0)))
  taps = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 16
  n = len(x) - 3
  return np.array([[np.tensordot(taps, x[i:i + 4, j:j + 4], 2)
                    for j in range(n)] for i in range(n)])


@pytest.mark.parametrize('kernel, up, demodulate', [
    (3, False, True), (3, True, True), (1, False, False)])
def test_each_sample_has_its_own_kernel(kernel, up, demodulate):
  x, style, p = normal(B, SIZE, SIZE, C, seed=4), normal(B, D, seed=5), params(
      kernel)
  layer = ModulatedConv(T, kernel=kernel, up=up, demodulate=demodulate)
  out = jax.jit(layer.apply)({'params': p}, x, style)
  for i in range(B):
    scale = style[i] @ p['style']['kernel'] / math.sqrt(D) + p['style']['bias']
    own = p['kernel'] / math.sqrt(kernel**2 * C) * scale[:, None]
    if demodulate:
      own = own / np.sqrt(np.sum(own**2, (0, 1, 2)) + 1e-8)
    want = (smooth(transpose_convolve(x[i], own)) if up else
            convolve(x[i], own)) + p['bias']
    np.testing.assert_allclose(out[i], want, rtol=1e-4, atol=1e-4)


def test_demodulation_forgets_how_long_a_style_is():
  x, p = normal(1, SIZE, SIZE, C), params(3)
  p['style']['bias'] = np.zeros(C, np.float32)
  apply = lambda style: ModulatedConv(T).apply({'params': p}, x, style)
  style = normal(1, D)
  np.testing.assert_allclose(apply(style), apply(7. * style), rtol=1e-4,
                             atol=1e-5)


def test_a_style_starts_as_one():
  start = ModulatedConv(T).init(
      jax.random.key(0), normal(1, SIZE, SIZE, C), normal(1, D))['params']
  assert (start['style']['bias'] == 1.).all() and (start['bias'] == 0.).all()


def test_the_two_ways_to_a_transposed_convolution_agree():
  x, kernel = normal(2, 3, 4, C), normal(3, 3, C, T)
  want = np.stack([transpose_convolve(image, kernel) for image in x])
  for way in (modulated._scattered, modulated._dilated, convolve_transposed):
    np.testing.assert_allclose(way(x, kernel), want, rtol=1e-4, atol=1e-5)


def test_accelerators_get_the_dilated_convolution():
  x, kernel = normal(2, 3, 4, C), normal(3, 3, C, T)
  for platform, dilated in (('cpu', False), ('tpu', True), ('cuda', True)):
    text = export.export(jax.jit(convolve_transposed),
                         platforms=[platform])(x, kernel).mlir_module()
    assert ('stablehlo.convolution' in text) == dilated


def test_equalised_layers_scale_what_they_store():
  x = normal(2, C)
  p = {'kernel': normal(C, T), 'bias': normal(T)}
  np.testing.assert_allclose(
      EqualizedDense(T, rate=.01).apply({'params': p}, x),
      .01 * (x @ p['kernel'] / math.sqrt(C) + p['bias']), rtol=1e-4, atol=1e-6)
  image, kernel = normal(1, SIZE, SIZE, C), normal(3, 3, C, T)
  np.testing.assert_allclose(
      EqualizedConv(T).apply({'params': {'kernel': kernel, 'bias': p['bias']}},
                             image)[0],
      convolve(image[0], kernel) / math.sqrt(9 * C) + p['bias'], rtol=1e-4,
      atol=1e-5)


def test_equalised_weights_start_with_the_variance_that_cancels_their_rate():
  x = normal(1, 64)
  kernel = lambda layer, x: np.asarray(
      layer.init(jax.random.key(0), x)['params']['kernel'])
  assert abs(kernel(EqualizedDense(64), x).std() - 1.) < .05
  assert abs(kernel(EqualizedDense(64, rate=.01), x).std() - 100.) < 5.
  assert abs(kernel(EqualizedConv(32), normal(1, 3, 3, 16)).std() - 1.) < .05


def test_the_activation_keeps_the_second_moment():
  x = normal(200_000)
  # (1 + .04) / 2 of it would be left without the factor.
  np.testing.assert_allclose(np.mean(np.square(scaled_leaky_relu(x))), 1.04,
                             rtol=.01)
  np.testing.assert_allclose(scaled_leaky_relu(jnp.array([-5., 5.])),
                             [-math.sqrt(2), 5 * math.sqrt(2)], rtol=1e-6)


def deviation(x, group):
  """The new channel of each sample, by a loop over its group."""
  n = len(x) // group
  return np.array([np.mean(np.sqrt(np.var(
      [x[k] for k in range(len(x)) if k % n == j % n], 0) + 1e-8))
      for j in range(len(x))])


@pytest.mark.parametrize('b, group', [(8, 4), (4, 4), (3, 3), (1, 1), (12, 4)])
def test_minibatch_stddev_compares_the_samples_of_a_group(b, group):
  x = normal(b, 2, 2, C)
  out = minibatch_stddev(x)
  np.testing.assert_array_equal(out[..., :-1], x)
  want = np.broadcast_to(deviation(x, group)[:, None, None], (b, 2, 2))
  np.testing.assert_allclose(out[..., -1], want, rtol=1e-5)


def test_minibatch_stddev_does_not_see_how_many_devices_there_are():
  x, y = normal(8, 2, 2, C), normal(8, 2, 2, C + 1, seed=1)
  shards = lambda a: a.reshape(4, 2, *a.shape[1:])

  def value(x, y, axis_name=None):
    return jnp.sum(y * minibatch_stddev(x, axis_name=axis_name))

  out = jax.vmap(lambda x: minibatch_stddev(x, axis_name='d'),
                 axis_name='d')(shards(x))
  np.testing.assert_allclose(out.reshape(y.shape), minibatch_stddev(x),
                             rtol=1e-5)
  # Each shard's slope is that of the sum over shards.
  slope = jax.jit(jax.vmap(jax.grad(lambda x, y: value(x, y, 'd')),
                           axis_name='d'))(shards(x), shards(y))
  np.testing.assert_allclose(slope.reshape(x.shape),
                             jax.jit(jax.grad(value))(x, y), rtol=1e-4,
                             atol=1e-6)


def test_minibatch_stddev_refuses_a_rest():
  with pytest.raises(UserError, match='batch of 6 .*groups of 4: 4 is'):
    minibatch_stddev(normal(6, 2, 2, C))
