"""The depthwise convolution of the CPU beside XLA's, and its derivatives."""
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.layers import conv
from jgan.ops import depthwise

RNG = np.random.default_rng(0)


def drawn(*shape, dtype=jnp.float32):
  return jnp.asarray(RNG.normal(size=shape), dtype)


def native(x, kernel):
  return jax.lax.conv_general_dilated(
      x, kernel, (1, 1), 'SAME', feature_group_count=x.shape[-1],
      dimension_numbers=('NHWC', 'HWIO', 'NHWC'))


def agree(found, expected, tolerance=1e-5):
  jax.tree.map(lambda a, b: np.testing.assert_allclose(
      np.float32(a), np.float32(b),
      atol=tolerance * np.abs(np.float32(b)).max()), found, expected)


# A kernel may be larger than the map, and a map need not be square.
@pytest.mark.parametrize('size, shape', [
    (1, (2, 3, 3, 2)), (3, (2, 6, 5, 4)), (5, (1, 4, 7, 3)),
    (7, (2, 5, 4, 3))])
def test_values_and_gradients_are_those_of_xlas_convolution(size, shape):
  x, kernel, y = drawn(*shape), drawn(size, size, 1, shape[-1]), drawn(*shape)

  def both(convolve):
    out, back = jax.vjp(convolve, x, kernel)
    return out, back(y)

  agree(jax.jit(both, static_argnums=0)(depthwise.convolve), both(native))


@pytest.mark.parametrize('forward', [False, True])
def test_second_derivatives_are_those_of_xlas_convolution(forward):
  """In reverse as of a gradient penalty, and forward over reverse."""
  x, kernel = drawn(2, 4, 4, 2), drawn(3, 3, 1, 2)
  y, along = drawn(2, 4, 4, 2), (drawn(2, 4, 4, 2), drawn(3, 3, 1, 2))

  def second(convolve):
    loss = lambda x, k: (y * jnp.sin(convolve(x, k))).sum()
    slopes = jax.grad(loss, (0, 1))
    if forward:
      return jax.jvp(slopes, (x, kernel), along)[1]
    return jax.grad(lambda *a: sum((s**2).sum() for s in slopes(*a)),
                    (0, 1))(x, kernel)

  found, expected = jax.jit(lambda: (second(depthwise.convolve),
                                     second(native)))()
  agree(found, expected)


def test_bfloat16_is_rounded_once():
  x = drawn(2, 6, 6, 4, dtype=jnp.bfloat16)
  kernel = drawn(7, 7, 1, 4, dtype=jnp.bfloat16)
  out = jax.jit(depthwise.convolve)(x, kernel)
  assert out.dtype == jnp.bfloat16
  exact = native(x.astype(jnp.float32), kernel.astype(jnp.float32))
  agree(out, exact, tolerance=2**-8)
  grads = jax.jit(jax.grad(lambda x, k: depthwise.convolve(x, k).sum(),
                           (0, 1)))(x, kernel)
  assert [g.dtype for g in grads] == [jnp.bfloat16] * 2


@pytest.mark.parametrize('axes', [(0, 0), (1, None), (None, 3)])
def test_it_can_be_mapped(axes):
  shapes = [(2, 4, 4, 3), (3, 3, 1, 3)]
  arguments = [drawn(*shape) if axis is None else
               drawn(*shape[:axis], 5, *shape[axis:])
               for shape, axis in zip(shapes, axes)]
  slopes = lambda convolve: lambda x, k: (convolve(x, k), *jax.grad(
      lambda *a: jnp.sin(convolve(*a)).sum(), (0, 1))(x, k))
  mapped = lambda convolve: jax.jit(jax.vmap(slopes(convolve), axes))(
      *arguments)
  agree(mapped(depthwise.convolve), mapped(native))


@pytest.mark.parametrize('platform, convolutions', [
    ('cpu', False), ('cuda', True), ('tpu', True)])
def test_it_is_xlas_convolution_on_accelerators(platform, convolutions):
  loss = lambda x, k: jnp.sin(depthwise.convolve(x, k)).sum()
  text = jax.jit(jax.grad(loss, (0, 1))).trace(
      drawn(2, 4, 4, 2), drawn(3, 3, 1, 2)).lower(
          lowering_platforms=(platform,)).as_text()
  assert ('stablehlo.convolution' in text) == convolutions
  assert 'stablehlo.case' not in text


def named(jaxpr):
  """Its primitives in order, a jit's own in its place: JAX may inline it."""
  for eqn in jaxpr.eqns:
    inner = eqn.params.get('jaxpr')
    yield from named(inner.jaxpr) if inner else [eqn.primitive.name]


def test_a_convolution_of_every_channel_alone_is_this_one():
  x, kernel = drawn(2, 6, 6, 4), drawn(3, 3, 1, 4)

  def primitives(**fields):
    return list(named(jax.make_jaxpr(functools.partial(
        conv.convolve, groups=4, **fields))(x, kernel).jaxpr))

  assert primitives() == ['depthwise']
  # It neither skips outputs nor taps, nor pads otherwise.
  for fields in ({'stride': 2}, {'dilation': 2}, {'padding': 0}):
    assert primitives(**fields) == ['convolve']
