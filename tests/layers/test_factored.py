"""Factored layers against the layers of the kernels they stand for."""
import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.errors import UserError
from jgan.layers import conv, dense, factored
from jgan.layers.conv import Conv, ConvTranspose
from jgan.layers.dense import Dense
from jgan.layers.factored import WAYS, FactoredConv, FactoredDense
from jgan.models import sngan
from jgan.ops import flops

RNG = np.random.default_rng(0)
KEY = jax.random.key(0)


def only(form, rank, **options):
  """The mapping for a layer that is by itself."""
  return factored.chosen(Conv, {'': dict(form=form, rank=rank, **options)}
                         ).keywords


def drawn(*shape):
  return RNG.normal(size=shape).astype(np.float32)


def cp_factors(k, c, t, rank):
  return {'in': drawn(c, rank), 'height': drawn(k, rank),
          'width': drawn(k, rank), 'out': drawn(rank, t)}


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('k, dilation, stride, padding', [
    (3, 1, 1, None), (5, 1, 1, None), (3, 2, 1, None), (5, 2, 1, None),
    (3, 1, 2, None), (5, 2, 2, None), (4, 1, 2, 1), (1, 1, 1, None),
    (3, 1, 1, 0)])
def test_a_cp_layer_is_the_convolution_of_its_kernel(k, dilation, stride,
                                                     padding, way):
  f = cp_factors(k, 4, 6, 5)
  kernel = np.einsum('hr,wr,cr,rt->hwct', f['height'], f['width'], f['in'],
                     f['out'])
  bias, x = drawn(6), drawn(2, 9, 9, 4)
  fields = dict(kernel=k, dilation=dilation, stride=stride, padding=padding)
  expected = Conv(6, **fields).apply(
      {'params': {'kernel': kernel, 'bias': bias}}, x)
  out = FactoredConv(6, **fields, **only('cp', 5, way=way)).apply(
      {'params': {**f, 'bias': bias}}, x)
  np.testing.assert_allclose(out, expected, rtol=0,
                             atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize('k, dilation, stride', [(3, 1, 1), (5, 2, 2)])
def test_a_tucker_layer_is_the_convolution_of_its_kernel(k, dilation, stride):
  f = {'in': drawn(4, 3), 'core': drawn(k, k, 3, 2), 'out': drawn(2, 6)}
  kernel = np.einsum('cr,hwrs,st->hwct', f['in'], f['core'], f['out'])
  x = drawn(2, 9, 9, 4)
  fields = dict(kernel=k, dilation=dilation, stride=stride, use_bias=False)
  expected = Conv(6, **fields).apply({'params': {'kernel': kernel}}, x)
  out = FactoredConv(6, **fields, **only('tucker', (3, 2))).apply(
      {'params': f}, x)
  np.testing.assert_allclose(out, expected, rtol=0,
                             atol=1e-5 * np.abs(expected).max())


def test_an_svd_layer_is_the_layer_of_its_matrix():
  f, bias, x = {'in': drawn(4, 2), 'out': drawn(2, 6)}, drawn(6), drawn(2, 5, 4)
  matrix = f['in'] @ f['out']
  flat = FactoredDense(6, **only('svd', 2)).apply(
      {'params': {**f, 'bias': bias}}, x)
  np.testing.assert_allclose(flat, x @ matrix + bias, rtol=1e-4, atol=1e-4)
  square = drawn(2, 5, 5, 4)
  out = FactoredConv(6, kernel=1, stride=2, **only('svd', 2)).apply(
      {'params': {**f, 'bias': bias}}, square)
  np.testing.assert_allclose(out, square[:, ::2, ::2] @ matrix + bias,
                             rtol=1e-4, atol=1e-4)


# Spec mmd_adversarial_nas 7: layers of the large CIFAR network at rank 256.
@pytest.mark.parametrize('layer, form, rank, c, params', [
    (functools.partial(FactoredConv, 256), 'cp', 256, 256, 132_864),
    (functools.partial(FactoredConv, 256, 5), 'cp', 256, 256, 133_888),
    (functools.partial(FactoredConv, 256), 'cp', 128, 256, 66_560),
    (functools.partial(FactoredConv, 128, 5), 'cp', 128, 128, 34_176),
    (functools.partial(FactoredDense, 8**2 * 256), 'svd', 4, 40, 82_080),
    (functools.partial(FactoredDense, 16**2 * 256), 'svd', 4, 40, 327_840),
])
def test_a_factored_layer_has_the_published_number_of_parameters(
    layer, form, rank, c, params):
  made = layer(**only(form, rank))
  shapes = jax.eval_shape(made.init, KEY, jnp.zeros((1, 4, 4, c)))['params']
  assert sum(p.size for p in jax.tree.leaves(shapes)) == params


class Nest(nn.Module):
  """Two convolutions and a linear layer, given as a generator has them."""
  conv: type = conv.plain
  dense: type = dense.plain
  latent: int = 4

  @nn.compact
  def __call__(self, z, train):
    del train
    block = functools.partial(self.conv, 8, dtype=jnp.float32)
    x = self.dense(4 * 4 * 8, name='linear')(z).reshape(-1, 4, 4, 8)
    x = block(name='first')(x)
    return block(kernel=5, dilation=2, name='second')(x)


LAYERS = {'linear': {'form': 'svd', 'rank': 2},
          'second': {'form': 'cp', 'rank': 3}}


def shapes(model):
  init = functools.partial(model.init, train=False)
  variables = jax.eval_shape(init, KEY, jnp.zeros((1, model.latent)))
  return jax.tree.map(lambda x: x.shape, variables['params'])


def test_only_the_listed_layers_change():
  before, after = shapes(Nest()), shapes(factored.module(Nest(), LAYERS))
  assert after.pop('second') == {
      'in': (8, 3), 'height': (5, 3), 'width': (5, 3), 'out': (3, 8),
      'bias': (8,)}
  assert after.pop('linear') == {'in': (4, 2), 'out': (2, 128),
                                 'bias': (128,)}
  assert after == {'first': before['first']}


def test_layers_inside_the_blocks_of_a_model_are_found():
  model = sngan.Generator(size=32, colors=3, width=4, latent=4)
  layers = {'block_1/conv_0': {'form': 'cp', 'rank': 2}}
  before, after = shapes(model), shapes(factored.module(model, layers))
  assert after['block_1'].pop('conv_0') == {
      'in': (4, 2), 'height': (3, 2), 'width': (3, 2), 'out': (2, 4),
      'bias': (4,)}
  del before['block_1']['conv_0']
  assert after == before
  assert isinstance(hash(factored.module(model, layers)), int)


@pytest.mark.parametrize('way', WAYS)
def test_multiply_accumulates_are_those_of_the_smaller_layers(way):
  layers = {'second': {'form': 'cp', 'rank': 3, 'way': way},
            'linear': {'form': 'svd', 'rank': 2},
            'first': {'form': 'tucker', 'rank': (2, 5)}}
  model = factored.module(Nest(), layers)
  z = jax.ShapeDtypeStruct((2, 4), jnp.float32)
  variables = jax.eval_shape(functools.partial(model.init, train=False), KEY, z)
  rows = {row.name: row for row in flops.layers(model, variables, z)}
  work = {'separable': 3 * (8 + 10 + 8), 'depthwise': 3 * (8 + 25 + 8),
          'kernel': 25 * 8 * 8}
  assert {name: row.macs for name, row in rows.items()} == {
      'linear': 2 * (4 + 128), 'first': 16 * (8 * 2 + 9 * 2 * 5 + 5 * 8),
      'second': 16 * work[way]}
  assert rows['second'].params == 3 * (8 + 8 + 5 + 5) + 8


def test_a_factored_layer_computes_in_its_dtype():
  layer = FactoredConv(8, dtype=jnp.bfloat16, **only('cp', 2))
  out, variables = jax.eval_shape(layer.init_with_output, KEY,
                                  jnp.ones((1, 4, 4, 4)))
  assert out.dtype == jnp.bfloat16
  assert {p.dtype for p in jax.tree.leaves(variables)} == {
      jnp.dtype('float32')}


@pytest.mark.parametrize('path, options, says', [
    ('secnod', {'form': 'cp', 'rank': 2}, "did you mean 'second'"),
    ('second', {'form': 'cpd', 'rank': 2}, "no form 'cpd'"),
    ('second', {'form': 'cp', 'rank': 0}, 'rank 0'),
    ('second', {'form': 'cp', 'rank': (2, 2)}, 'a number of at least 1'),
    ('second', {'form': 'tucker', 'rank': 2}, 'two numbers'),
    ('second', {'form': 'cp', 'ranks': 2}, "unknown key 'ranks'"),
    ('second', 2, "layer 'second' is 2: {'form': ..., 'rank': ...} would be"),
    ('second', {'form': 'svd', 'rank': 2}, 'kernel of 5 x 5'),
    ('linear', {'form': 'cp', 'rank': 2}, "takes no form 'cp'"),
    ('linear', {'form': 'svd', 'rank': 2, 'way': 'kernel'}, "no way 'kernel'"),
])
def test_what_cannot_be_factored_is_refused(path, options, says):
  with pytest.raises(UserError, match=says):
    factored.module(Nest(), {path: options})


@pytest.mark.parametrize('plain, fields, says', [
    (conv.spectral, {}, 'normalises'), (conv.plain, {'groups': 2}, '2 groups'),
])
def test_a_kernel_of_another_kind_is_refused(plain, fields, says):
  layer = factored.chosen(plain, {'': {'form': 'cp', 'rank': 2}})(8, **fields)
  with pytest.raises(UserError, match=says):
    jax.eval_shape(layer.init, KEY, jnp.zeros((1, 4, 4, 4)))


def test_a_layer_that_is_no_conv_stays_as_it_is():
  assert factored.chosen(ConvTranspose, LAYERS) is ConvTranspose
  model = Nest(conv=lambda features, kernel=3, dilation=1, **rest:
               ConvTranspose(features, 3, 1, 1, **rest))
  with pytest.raises(UserError, match="'second' cannot be factored"):
    factored.module(model, LAYERS)


def test_a_wrapped_factory_without_listed_layers_is_the_plain_one():
  x = drawn(1, 4, 4, 4)
  wrapped = factored.chosen(functools.partial(Conv, 8), LAYERS)(name='other')
  params = {'params': {'kernel': drawn(3, 3, 4, 8), 'bias': drawn(8)}}
  np.testing.assert_array_equal(wrapped.apply(params, x),
                                Conv(8).apply(params, x))
  assert issubclass(factored.chosen(Dense, LAYERS).func, Dense)
