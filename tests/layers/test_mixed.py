"""Merged edges against the sum of their operations, each done alone."""
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.errors import UserError
from jgan.layers import act, conv
from jgan.layers.mixed import CONVS, FREE, Mixed, MixedUp
from jgan.spaces import adversarial_nas as space

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 6, 6, 4)).astype(np.float32)


def filled(module, *inputs):
  shapes = jax.eval_shape(lambda k: module.init(k, *inputs), jax.random.key(0))
  return jax.tree.map(
      lambda p: RNG.normal(0, .3, p.shape).astype(np.float32), shapes)


def at(variables, op):
  return {name: part[op] for name, part in variables.items() if op in part}


def agree(found, expected):
  jax.tree.map(lambda a, b: np.testing.assert_allclose(
      a, b, atol=5e-4 * np.abs(b).max()), found, expected)


def same_with_gradients(edge, alone, mutable=()):
  """edge.apply is the weighted sum of alone(variables, op, x), and so are its
  gradients.
  """
  weights = np.linspace(-.5, 1, len(edge.ops)).astype(np.float32)
  variables = filled(edge, X, weights)

  def merged(params, x, weights):
    return edge.apply({**variables, 'params': params}, x, weights,
                      mutable=mutable)

  def separate(params, x, weights):
    out = [alone(at({**variables, 'params': params}, op), op, x)
           for op in edge.ops]
    changed = {kind: {op: new[kind] for op, (_, new) in zip(edge.ops, out)
                      if new} for kind in mutable}
    return sum(w * y for w, (y, _) in zip(weights, out)), changed

  def both(f):
    def scalar(*args):
      out, changed = f(*args)
      return jnp.sin(out).sum(), (out, changed)
    return jax.jit(jax.grad(scalar, (0, 1, 2), has_aux=True))(
        variables['params'], X, weights)

  agree(both(merged), both(separate))


def operation(layer, images, stride, mutable):
  def alone(variables, op, x):
    if op in FREE:
      return FREE[op](x), {}
    kernel, dilation = CONVS[op]
    one = layer(4, kernel=kernel, dilation=dilation, stride=stride)
    return one.apply(variables, x if images else jax.nn.relu(x),
                     mutable=mutable)
  return alone


@pytest.mark.parametrize('ops, layer, images, stride, mutable', [
    (space.NORMAL, conv.plain, False, 1, ()),
    (space.DOWN, conv.spectral, False, 2, ('spectral',)),
    (tuple(CONVS), conv.spectral, True, 1, ())])
def test_a_merged_edge_is_the_sum_of_its_operations(ops, layer, images, stride,
                                                    mutable):
  edge = Mixed(ops, 4, layer, (lambda x: x) if images else act.relu, stride)
  same_with_gradients(edge, operation(layer, images, stride, mutable), mutable)


def test_a_merged_edge_of_seven_operations_does_two_convolutions():
  edge = Mixed(space.NORMAL, 4, conv.plain, act.relu)
  variables = filled(edge, X, np.ones(7, np.float32))
  text = str(jax.make_jaxpr(lambda v, w: edge.apply(v, X, w))(
      variables, np.ones(7, np.float32)))
  assert text.count(' convolve[') == 2


@pytest.mark.parametrize('op', [*space.NORMAL, 'avg_pool', 'max_pool'])
def test_an_edge_of_one_operation_does_it_alone(op):
  edge = Mixed((op,), 4, conv.plain, act.relu)
  variables = filled(edge, X)
  assert set(variables.get('params', {})) == ({op} if op in CONVS else set())
  alone, _ = operation(conv.plain, False, 1, ())(at(variables, op), op, X)
  np.testing.assert_array_equal(edge.apply(variables, X), alone)


def test_up_edges_resize_then_activate_and_sum():
  edge = MixedUp((*space.UP, 'conv_transpose'), 3, conv.plain, act.relu)
  weights = np.array([.5, 1., -2., 3.], np.float32)
  variables = filled(edge, X, weights)
  shapes = jax.tree.map(np.shape, variables['params'])
  assert shapes['conv_transpose'] == {'kernel': (1, 1, 4, 3)}
  assert shapes['depthwise'] == {'kernel': (3, 3, 1, 4)}
  assert shapes['bicubic'] == {'kernel': (1, 1, 4, 3), 'bias': (3,)}
  out = jax.jit(edge.apply)(variables, X, weights)
  one = lambda op: MixedUp((op,), 3, conv.plain, act.relu).apply(variables, X)
  np.testing.assert_allclose(
      out, sum(w * one(op) for w, op in zip(weights, edge.ops)), rtol=1e-3,
      atol=1e-4)
  # Nearest doubling changes places with what acts on single pixels.
  p = variables['params']['nearest']
  small = np.maximum(X, 0) @ p['kernel'][0, 0] + p['bias']
  np.testing.assert_allclose(one('nearest'), small.repeat(2, 1).repeat(2, 2),
                             rtol=1e-4, atol=1e-4)


def test_a_merged_edge_computes_in_the_dtype_of_its_convolutions():
  half = functools.partial(conv.plain, dtype=jnp.bfloat16)
  for edge in (Mixed(space.NORMAL, 4, half, act.relu),
               MixedUp(space.UP, 4, half, act.relu)):
    weights = jnp.ones(len(edge.ops))
    out, variables = jax.eval_shape(edge.init_with_output, jax.random.key(0),
                                    X.astype(jnp.bfloat16), weights)
    assert out.dtype == jnp.bfloat16
    assert {p.dtype for p in jax.tree.leaves(variables)} == {
        jnp.dtype('float32')}


def test_a_convolution_without_one_kernel_is_refused_in_a_sum():
  other = lambda features, kernel, dilation, stride, name: (
      conv.ConvTranspose(features, name=name))
  edge = Mixed(('conv_1x1', 'conv_3x3'), 4, other, act.relu)
  with pytest.raises(UserError, match=r"ConvTranspose has not.*'plain'"):
    jax.eval_shape(lambda k: edge.init(k, X, np.ones(2, np.float32)),
                   jax.random.key(0))
