"""Convolutions against loops in numpy that follow PyTorch's definitions."""
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.layers import conv
from jgan.layers.conv import Conv, ConvTranspose
from jgan.layers.dense import Dense

RNG = np.random.default_rng(0)


def correlate(x, kernel, stride, pad, dilation, groups):
  """A convolution, tap by tap: x [b, h, w, c], kernel [k, k, c / g, d]."""
  x = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
  reach = dilation * (kernel.shape[0] - 1) + 1
  size = (x.shape[1] - reach) // stride + 1
  out = np.zeros((x.shape[0], size, size, kernel.shape[3]))
  c, d = kernel.shape[2], kernel.shape[3] // groups
  for i, j in np.ndindex(kernel.shape[:2]):
    rows = slice(i * dilation, i * dilation + stride * (size - 1) + 1, stride)
    cols = slice(j * dilation, j * dilation + stride * (size - 1) + 1, stride)
    for g in range(groups):
      out[..., g * d:(g + 1) * d] += (
          x[:, rows, cols, g * c:(g + 1) * c]
          @ kernel[i, j, :, g * d:(g + 1) * d])
  return out


@pytest.mark.parametrize('fields, pad', [
    (dict(), 1), (dict(kernel=4, stride=2, padding=1), 1),
    (dict(dilation=2), 2), (dict(kernel=1), 0), (dict(groups=2), 1)])
def test_a_convolution_is_the_sum_over_its_taps(fields, pad):
  x = RNG.normal(size=(2, 6, 6, 4)).astype(np.float32)
  k, groups = fields.get('kernel', 3), fields.get('groups', 1)
  kernel = RNG.normal(size=(k, k, 4 // groups, 6)).astype(np.float32)
  bias = RNG.normal(size=6).astype(np.float32)
  out = Conv(6, **fields).apply({'params': {'kernel': kernel, 'bias': bias}}, x)
  expected = bias + correlate(x, kernel, fields.get('stride', 1), pad,
                              fields.get('dilation', 1), groups)
  np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('kernel, stride, padding',
                         [(4, 2, 1), (4, 1, 0), (2, 2, 0), (3, 2, 2)])
def test_a_transposed_convolution_scatters_its_kernel(kernel, stride, padding):
  x = RNG.normal(size=(1, 3, 3, 2)).astype(np.float32)
  w = RNG.normal(size=(kernel, kernel, 2, 5)).astype(np.float32)
  full = np.zeros((1, 2 * stride + kernel, 2 * stride + kernel, 5))
  for i, j in np.ndindex(3, 3):
    full[0, i * stride:i * stride + kernel, j * stride:j * stride + kernel] += (
        np.einsum('c,ijcd->ijd', x[0, i, j], w))
  size = 2 * stride - 2 * padding + kernel
  expected = full[:, padding:padding + size, padding:padding + size]
  layer = ConvTranspose(5, kernel, stride, padding, use_bias=False)
  out = layer.apply({'params': {'kernel': w}}, x)
  assert out.shape == (1, size, size, 5)
  np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('layer', [Conv(8), ConvTranspose(8), Dense(8)])
def test_a_layer_computes_in_its_dtype_and_keeps_float32_parameters(layer):
  layer = layer.clone(dtype=jnp.bfloat16)
  x = jnp.ones((1, 2, 2, 4))
  out, variables = jax.eval_shape(layer.init_with_output, jax.random.key(0), x)
  assert out.dtype == jnp.bfloat16
  assert {p.dtype for p in jax.tree.leaves(variables)} == {jnp.dtype('float32')}


# torch's fan_in: c k^2 = 36 of a convolution, but features k^2 = 128 of a
# transposed one; c = 4 of a dense layer.
@pytest.mark.parametrize('layer, fan_in', [
    (Conv(8), 36), (ConvTranspose(8), 128), (Dense(8), 4),
    (Conv(8, groups=4), 9)])
def test_torch_default_bounds_are_one_over_the_root_of_fan_in(layer, fan_in):
  params = jax.jit(layer.init)(jax.random.key(0), jnp.ones((1, 2, 2, 4)))
  kernel, bias = params['params']['kernel'], params['params']['bias']
  assert .85 < np.abs(kernel).max() * fan_in**.5 <= 1 + 1e-6
  assert .5 < np.abs(bias).max() * fan_in**.5 <= 1 + 1e-6


def test_a_depthwise_transposed_convolution_scatters_each_channel_alone():
  x = RNG.normal(size=(1, 3, 3, 4)).astype(np.float32)
  w = RNG.normal(size=(3, 3, 1, 4)).astype(np.float32)
  full = np.zeros((1, 8, 8, 4))
  for i, j in np.ndindex(3, 3):
    full[0, 2 * i:2 * i + 3, 2 * j:2 * j + 3] += x[0, i, j] * w[:, :, 0]
  layer = conv.DepthwiseTranspose()
  out = layer.apply({'params': {'kernel': w}}, x)
  np.testing.assert_allclose(out, full[:, 1:7, 1:7], rtol=1e-4, atol=1e-4)
  start = layer.init(jax.random.key(0), x)['params']['kernel']
  assert start.shape == (3, 3, 1, 4)
  assert .25 < np.abs(start).max() <= 1 / 3  # torch's fan_in is k^2


@pytest.mark.parametrize('layer', [conv.plain(6), conv.spectral(6),
                                   conv.plain(6, use_bias=False)])
def test_a_convolution_can_be_taken_apart_into_its_weights(layer):
  x = RNG.normal(size=(2, 6, 6, 4)).astype(np.float32)
  variables = jax.tree.map(
      lambda p: RNG.normal(size=p.shape).astype(np.float32),
      jax.eval_shape(layer.init, jax.random.key(0), x))
  kernel, bias = layer.apply(variables, 4, method='weights')
  out = conv.convolve(x, kernel) + (0. if bias is None else bias)
  np.testing.assert_allclose(layer.apply(variables, x), out, rtol=1e-4,
                             atol=1e-4)
