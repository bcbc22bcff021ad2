"""Resampling by filters, against a numpy convolution in two dimensions."""
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.ops import upfirdn as ops

SKEW = (.5, -1., 2., .25)  # tells a filter from the same turned round


def reference(x, taps, up, down, pad):
  """One image and channel at a time, with the two-dimensional filter."""
  b, h, w, c = x.shape
  kernel = np.outer(taps, taps)[::-1, ::-1]
  k = len(taps)
  spread = np.zeros((b, h * up, w * up, c))
  spread[:, ::up, ::up] = x
  around = np.zeros((b, h * up + sum(map(abs, pad)) * 2,
                     w * up + sum(map(abs, pad)) * 2, c))
  edge = sum(map(abs, pad))
  around[:, edge:edge + h * up, edge:edge + w * up] = spread
  low, high = edge - pad[0], edge + pad[1]
  around = around[:, low:high + h * up, low:high + w * up]
  rows, columns = around.shape[1] - k + 1, around.shape[2] - k + 1
  out = np.array([[np.tensordot(around[:, i:i + k, j:j + k], kernel,
                                ([1, 2], [0, 1]))
                   for j in range(0, columns, down)]
                  for i in range(0, rows, down)])
  return out.transpose(2, 0, 1, 3)


def compiled(f, **fields):
  return jax.jit(functools.partial(f, **fields))


def images(h=6, w=4):
  return np.random.default_rng(0).normal(size=(2, h, w, 3)).astype(np.float32)


@pytest.mark.parametrize('up, down, pad', [
    (1, 1, (0, 0)), (1, 1, (2, 2)), (2, 1, (2, 1)), (1, 2, (1, 1)),
    (2, 2, (3, 0)), (3, 2, (1, 2)), (2, 1, (-1, 2))])
def test_it_is_insertion_padding_convolution_and_decimation(up, down, pad):
  x = images()
  out = compiled(ops.upfirdn, taps=SKEW, up=up, down=down, pad=pad)(x)
  np.testing.assert_allclose(out, reference(x, SKEW, up, down, pad),
                             rtol=1e-4, atol=1e-5)
  assert out.shape[1] == (up * 6 + sum(pad) - 4) // down + 1


def test_stylegan2_resamples_with_its_gains():
  x, taps = images(), np.array([1, 3, 3, 1]) / 8
  for out, want in [
      (compiled(ops.double)(x), reference(x, 2 * taps, 2, 1, (2, 1))),
      (compiled(ops.halve)(x), reference(x, taps, 1, 2, (1, 1))),
      (compiled(ops.blur, pad=(2, 2))(x), reference(x, taps, 1, 1, (2, 2))),
      (compiled(ops.blur, pad=(1, 1), gain=2.)(x),
       reference(x, 2 * taps, 1, 1, (1, 1)))]:
    np.testing.assert_allclose(out, want, rtol=1e-4, atol=1e-5)


def test_a_constant_stays_but_at_the_border():
  one = np.ones((1, 8, 8, 1), np.float32)
  for f, edge in ((compiled(ops.double), 1), (compiled(ops.halve), 1),
                  (compiled(ops.blur, pad=(2, 2)), 2)):
    out = np.asarray(f(one))
    np.testing.assert_allclose(out[:, edge:-edge, edge:-edge], 1., rtol=1e-6)
    assert out[0, 0, 0, 0] < .8


def test_halving_is_the_transpose_of_doubling_up_to_the_gain():
  # <double(x), y> = 4 <x, halve(y)>: the filters are symmetric.
  x, y = images(), images(12, 8)[:, ::-1]
  np.testing.assert_allclose(np.vdot(compiled(ops.double)(x), y),
                             4 * np.vdot(x, compiled(ops.halve)(y)), rtol=1e-4)


def test_half_precision_stays_half():
  assert jax.eval_shape(ops.double, jax.ShapeDtypeStruct(
      (1, 4, 4, 1), jnp.bfloat16)).dtype == jnp.bfloat16
