"""Octave convolutions against specs/soft_octave.md 2.1 to 2.3 and 2.10."""
import functools
import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.errors import UserError
from jgan.layers import act, conv, deconv, norm, octave, output
from jgan.layers.conv import Conv, ConvTranspose, convolve
from jgan.layers.resize import downsample, upsample
from jgan.ops import flops
from jgan.ops.octave import Octave

RNG = np.random.default_rng(0)
ALPHAS = (0., .125, .5, .99, 1.)


def draw(*shape):
  return RNG.normal(size=shape).astype(np.float32)


def pair(c_high, c_low, size=4, b=2):
  return Octave(draw(b, size, size, c_high),
                draw(b, -(-size // 2), -(-size // 2), c_low))


def start(layer, x, *rest):
  """Drawn parameters; all else as it starts."""
  shapes = jax.eval_shape(lambda key, x: layer.init(key, x, *rest),
                          jax.random.key(0), x)
  fill = lambda tree, value: jax.tree.map(lambda s: value(*s.shape), tree)
  return {name: fill(tree, draw if name == 'params' else
                     lambda *shape: np.ones(shape, np.float32))
          for name, tree in dict(shapes).items()}


def ones(high, low, **paths):
  """Variables of a 1 x 1 octave of one channel each, by path."""
  kernels = {k: {'kernel': np.full((1, 1, 1, 1), v, np.float32)}
             for k, v in paths.items()}
  return {'params': kernels,
          'schedule': {'beta_high': np.float32(high),
                       'beta_low': np.float32(low)}}


def plane(rows):
  return np.array(rows, np.float32)[None, ..., None]


def layer_of(alpha=.5, features=8, **fields):
  return conv.octave(features, alpha=alpha, **fields)


# One high and one low channel, a kernel of one tap: sums by hand.
POINT = functools.partial(conv.octave, 2, kernel=1, use_bias=False)


def test_the_four_paths_of_the_worked_example():
  x = Octave(plane([[1, 2], [3, 4]]), plane([[10]]))
  weights = ones(1, 1, high_high=2, high_low=3, low_high=5, low_low=7)
  y = POINT().apply(weights, x)
  np.testing.assert_array_equal(y.high, plane([[52, 54], [56, 58]]))
  np.testing.assert_array_equal(y.low, plane([[77.5]]))


@pytest.mark.parametrize('kind, high', [
    ('fb', [[3.5, 6.5], [13.5, 16.5]]), ('durall', [[5, 7], [13, 15]])])
def test_stride_two_has_two_definitions(kind, high):
  x = Octave(plane(np.arange(16).reshape(4, 4)), plane([[1, 2], [3, 4]]))
  weights = ones(1, 1, high_high=1, high_low=1, low_high=1, low_low=1)
  y = POINT(stride=2, octave_stride=kind).apply(weights, x)
  np.testing.assert_array_equal(y.high, plane(high))
  np.testing.assert_array_equal(y.low, plane([[10]]))


def test_equal_weights_on_a_map_that_is_its_low_part_give_such_a_map():
  low = draw(2, 4, 4, 1)
  weights = ones(1, 1, high_high=3, high_low=3, low_high=3, low_low=3)
  y = POINT().apply(weights, Octave(upsample(low), low))
  np.testing.assert_allclose(y.high, upsample(y.low), rtol=1e-6)


def test_the_high_to_low_path_of_a_repeated_map_is_the_convolution_of_it():
  small = draw(2, 4, 4, 3)
  layer = layer_of(alpha=1., use_bias=False)
  weights = start(layer, upsample(small))
  y = layer.apply(weights, upsample(small))
  assert y.high is None
  kernel = weights['params']['high_low']['kernel']
  np.testing.assert_array_equal(y.low, convolve(small, kernel))


def test_constant_maps_stay_constant_inside():
  x = Octave(jnp.full((1, 8, 8, 2), 2.), jnp.full((1, 4, 4, 2), -1.))
  y = layer_of().apply(start(layer_of(), x), x)
  for part in (y.high[:, 2:-2, 2:-2], y.low[:, 1:-1, 1:-1]):
    np.testing.assert_allclose(part, np.broadcast_to(part[:, :1, :1],
                                                     part.shape), rtol=1e-5)


def test_every_path_is_as_the_equations_say():
  x, layer = pair(3, 5), layer_of(alpha=.25)
  weights = start(layer, x)
  p = weights['params']
  y = layer.apply(weights, x)
  k = {name: path['kernel'] for name, path in p.items()}
  high = convolve(x.high, k['high_high']) + p['high_high']['bias'] + upsample(
      convolve(x.low, k['low_high']))
  low = (convolve(downsample(x.high), k['high_low']) + p['high_low']['bias']
         + convolve(x.low, k['low_low']))
  assert y.high.shape == (2, 4, 4, 6) and y.low.shape == (2, 2, 2, 2)
  np.testing.assert_allclose(y.high, high, rtol=1e-5, atol=1e-5)
  np.testing.assert_allclose(y.low, low, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('fields', [
    {}, {'kernel': 1}, {'dilation': 2, 'use_bias': False},
    {'groups': 6, 'features': 6}, {'dtype': jnp.bfloat16}])
def test_alpha_zero_is_the_plain_convolution_bit_for_bit(fields):
  x = draw(2, 5, 5, 6)  # an odd size, too
  layer, plain = layer_of(0., **fields), Conv(**{'features': 8} | fields)
  weights = start(layer, x)
  y = layer.apply(weights, x)
  own = {'params': weights['params']['high_high']}
  np.testing.assert_array_equal(y, plain.apply(own, x))
  assert [*weights] == ['params'] and [*weights['params']] == ['high_high']


class Three(nn.Module):
  """A first, a hidden and a last layer, 3 -> 16 -> 16 -> 3 channels."""
  conv: object

  @nn.compact
  def __call__(self, x):
    first = self.conv(16, use_bias=False, name='first')(x)
    hidden = self.conv(16, use_bias=False, name='hidden')(first)
    image = octave.last(self.conv)(3, use_bias=False, name='last')(hidden)
    return first, hidden, image


@pytest.mark.parametrize('alpha', ALPHAS)
@pytest.mark.parametrize('fields', [{}, {'stride': 2},
                                    {'stride': 2, 'octave_stride': 'fb'}])
def test_any_share_passes_through_first_hidden_and_last_layers(alpha, fields):
  model = Three(functools.partial(conv.octave, alpha=alpha, **fields))
  x = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
  maps, variables = jax.eval_shape(model.init_with_output, jax.random.key(0), x)
  low = int(alpha * 16)
  size = 32
  for y in maps:
    size //= 2 if fields else 1
    assert y.shape == (1, size, size, y.shape[-1])
  for y in maps[:2]:
    assert isinstance(y, Octave) == (low > 0)
    if low:
      assert y.low.shape == (1, y.shape[1] // 2, y.shape[2] // 2, low)
      assert (y.high is None) == (low == 16)
  assert not isinstance(maps[2], Octave) and maps[2].shape[-1] == 3
  assert sum(math.prod(p.shape) for p in jax.tree.leaves(
      variables['params'])) == 9 * (3 * 16 + 16 * 16 + 16 * 3)


class Network(nn.Module):
  """The call that ops/flops.py makes."""
  layer: nn.Module

  def __call__(self, x, train):
    del train
    return self.layer(x)


@pytest.mark.parametrize('alpha, ratio', [
    (0., 1.), (.125, .8242), (.25, .6719), (.5, .4375), (.75, .2969),
    (1., .25)])
def test_a_hidden_layer_costs_the_published_share(alpha, ratio):
  c, low = 64, int(64 * alpha)
  shape = lambda size, c: jax.ShapeDtypeStruct((1, size, size, c), jnp.float32)
  x = Octave(shape(16, c - low) if low < c else None,
             shape(8, low)) if low else shape(16, c)
  model = Network(conv.octave(c, alpha=alpha, use_bias=False))
  variables = jax.eval_shape(model.init, jax.random.key(0), x, True)
  found = flops.total(flops.layers(model, variables, x))
  assert found.params == 9 * c * c
  plain = 16 * 16 * 9 * c * c
  assert found.macs == plain * (1 - .75 * alpha * (2 - alpha))
  assert found.macs / plain == pytest.approx(ratio, abs=5e-5)


# Soft weights.


def test_the_betas_weigh_what_comes_in_and_one_changes_no_bit():
  x, layer = pair(3, 5), layer_of(.25)
  weights = start(layer, x)
  assert {k: v.shape for k, v in weights['schedule'].items()} == {
      'beta_high': (), 'beta_low': ()}
  with_betas = lambda high, low: layer.apply(
      {**weights, 'schedule': {'beta_high': jnp.float32(high),
                               'beta_low': jnp.float32(low)}}, x)
  alone = lambda name, source: convolve(
      source, weights['params'][name]['kernel'])
  y = with_betas(1, 1)
  plain = alone('high_high', x.high) + weights['params']['high_high']['bias']
  np.testing.assert_array_equal(
      y.high, plain + upsample(alone('low_high', x.low)))
  y = with_betas(.25, 2)
  np.testing.assert_allclose(
      y.low, .25 * alone('high_low', downsample(x.high))
      + 2 * alone('low_low', x.low) + weights['params']['high_low']['bias'],
      rtol=1e-4, atol=1e-5)


def test_a_plain_input_is_not_weighed():
  for layer in (layer_of(), layer_of(last=True)):
    assert [*start(layer, draw(1, 4, 4, 3))] == ['params']


class Soft(nn.Module):
  """Two octave blocks and a last layer; [b, 8, 8, 3] -> [b, 8, 8, 1]."""

  @nn.compact
  def __call__(self, x, train=True):
    for i in range(2):
      x = layer_of(name=f'conv_{i}', use_bias=False)(x)
      x = act.relu(norm.batch(name=f'norm_{i}')(x, train))
      self.sow('features', 'blocks', x)
    return octave.last(conv.octave)(1, name='last')(x)


def set_betas(weights, high, low):
  def choose(path, _):
    return jnp.float32(high if path[-1].key == 'beta_high' else low)
  return {**weights, 'schedule': jax.tree_util.tree_map_with_path(
      choose, weights['schedule'])}


@functools.lru_cache
def soft():
  """Input, variables, and gradients and second block's output by betas."""
  x = draw(3, 8, 8, 3)
  weights = start(Soft(), x)
  weights.pop('features')
  traces = []

  @jax.jit
  def run(variables):
    traces.append(1)

    def loss(params):
      y, changed = Soft().apply({**variables, 'params': params}, x,
                                mutable=['batch_stats', 'features'])
      return jnp.square(y).mean(), changed['features']['blocks'][1]
    return jax.grad(loss, has_aux=True)(variables['params'])

  return lambda high, low: run(set_betas(weights, high, low)), traces


def test_a_beta_of_zero_stops_the_gradient_to_filters_before_it():
  run, _ = soft()
  grads, _ = run(0, 1)
  size = lambda layer, path: np.abs(grads[layer][path]['kernel']).max()
  for layer, paths in (('conv_0', ['high_high']),
                       ('conv_1', ['high_high', 'low_high'])):
    for path in grads[layer]:
      assert (size(layer, path) == 0) == (
          path in paths or (layer, path) == ('conv_1', 'high_low')), path
  assert all(size(layer, path) > 0 for layer, path in
             (('conv_0', 'high_low'), ('conv_1', 'low_low'),
              ('last', 'low_high')))
  assert size('last', 'high_high') == 0


def test_only_the_ratio_of_the_betas_reaches_a_hidden_normalisation():
  run, _ = soft()
  _, one = run(1, 1)
  _, half = run(.5, .5)
  _, other = run(.2, .8)
  leaves = zip(*(jax.tree.leaves(y) for y in (one, half, other)))
  for a, b, c in leaves:
    np.testing.assert_allclose(a, b, atol=1e-4)
    assert np.abs(a - c).max() > .05


def test_new_betas_compile_nothing():
  run, traces = soft()
  for step in range(3):
    run(step / 3, 1 - step / 3)
  assert len(traces) == 1


# Sizes, kinds and what is refused.


def test_an_odd_size_is_refused_by_name_or_padded():
  x = draw(2, 5, 7, 3)
  with pytest.raises(UserError, match="5 x 7 has no half.*odd='pad'"):
    layer_of().init(jax.random.key(0), x)
  layer = layer_of(odd='pad', use_bias=False, kernel=1)
  weights = start(layer, x)
  y = layer.apply(weights, x)
  assert y.high.shape == (2, 5, 7, 4) and y.low.shape == (2, 3, 4, 4)
  # As PyTorch's ceil_mode: a mean of the pixels there are.
  pooled = np.stack([[x[:, 2 * i:2 * i + 2, 2 * j:2 * j + 2].mean((1, 2))
                      for j in range(4)] for i in range(3)]).transpose(
                          2, 0, 1, 3)
  np.testing.assert_allclose(
      y.low, pooled @ weights['params']['high_low']['kernel'][0, 0], rtol=1e-4,
      atol=1e-5)
  weights = start(layer, y)
  z = layer.apply(weights, y)
  k = {name: p['kernel'][0, 0] for name, p in weights['params'].items()}
  np.testing.assert_allclose(
      z.high, y.high @ k['high_high'] + upsample(y.low @ k['low_high'])[
          :, :5, :7], rtol=1e-4, atol=1e-4)
  for kind in octave.STRIDES:
    layer = layer_of(odd='pad', stride=2, octave_stride=kind)
    z = jax.eval_shape(lambda k, y, m=layer: m.init_with_output(k, y)[0],
                       jax.random.key(0), y)
    assert z.high.shape == (2, 3, 4, 4) and z.low.shape == (2, 2, 2, 4)
  assert octave.whole(y).shape == (2, 5, 7, 8)
  with pytest.raises(UserError, match='5 x 7 cannot be halved'):
    downsample(x)


def test_maps_of_an_odd_size_are_doubled_and_pooled_as_one():
  x = Octave(draw(2, 5, 7, 3), draw(2, 3, 4, 2))
  double = upsample(x)
  assert double.low.shape == (2, 5, 7, 2) and double.shape == (2, 10, 14, 5)
  with pytest.raises(UserError, match="5 x 7 has no half.*odd='pad'"):
    octave.pooling(conv.octave)(double)
  halve = octave.pooling(functools.partial(conv.octave_spectral, odd='pad'))
  for half, part in zip(jax.tree.leaves(halve(double)), jax.tree.leaves(x)):
    np.testing.assert_allclose(half, part, rtol=1e-6)
  assert octave.pooling(conv.spectral) is downsample


def test_there_is_one_bias_for_each_output_map():
  biased = lambda x, **fields: [
      name for name, path in start(layer_of(**fields), x)['params'].items()
      if 'bias' in path]
  assert biased(pair(2, 2)) == ['high_high', 'high_low']
  assert biased(pair(2, 2), last=True) == ['high_high']
  assert biased(draw(1, 4, 4, 2)) == ['high_high', 'high_low']
  low = Octave(None, draw(1, 2, 2, 2))
  assert biased(low) == ['low_high', 'low_low']
  assert biased(low, alpha=1.) == ['low_low']
  assert biased(pair(2, 2), use_bias=False) == []


def test_a_depthwise_octave_keeps_high_and_low_apart():
  x, layer = pair(3, 3), layer_of(features=6, groups=6, use_bias=False)
  weights = start(layer, x)
  y = layer.apply(weights, x)
  assert [*weights['params']] == ['high_high', 'low_low']
  for name, given, found in (('high_high', x.high, y.high),
                             ('low_low', x.low, y.low)):
    kernel = weights['params'][name]['kernel']
    np.testing.assert_allclose(found, convolve(given, kernel, groups=3),
                               rtol=1e-6)


def test_every_kernel_of_a_spectral_octave_has_norm_one():
  x = pair(3, 5)
  plain, layer = layer_of(), conv.octave_spectral(8)
  weights = start(layer, x)
  for _ in range(30):
    _, spectral = layer.apply(weights, x, mutable=['spectral'])
    weights |= spectral
  divided = {name: path | {'kernel': path['kernel'] / np.linalg.norm(
      path['kernel'].reshape(-1, path['kernel'].shape[-1]), 2)}
             for name, path in weights['params'].items()}
  want = plain.apply({**weights, 'params': divided}, x)
  jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-3,
                                 atol=1e-3), layer.apply(weights, x), want)


def test_bfloat16_stays_bfloat16():
  x = pair(4, 4, size=8)
  full, half = layer_of(), layer_of(dtype=jnp.bfloat16)
  weights = start(full, x)
  y = half.apply(weights, jax.tree.map(lambda m: m.astype(jnp.bfloat16), x))
  for found, want in zip(*map(jax.tree.leaves, (y, full.apply(weights, x)))):
    assert found.dtype == jnp.bfloat16
    np.testing.assert_allclose(found, want, atol=.3, rtol=.05)
  assert {p.dtype for p in jax.tree.leaves(jax.eval_shape(
      half.init, jax.random.key(0), x))} == {jnp.dtype('float32')}
  weights = norm.batch(dtype=jnp.bfloat16).init(jax.random.key(0), y, True)
  z, _ = norm.batch(dtype=jnp.bfloat16).apply(weights, y, True,
                                              mutable=['batch_stats'])
  assert z.high.dtype == z.low.dtype == jnp.bfloat16


@pytest.mark.parametrize('fields, words', [
    ({'alpha': 1.5}, 'alpha is 1.5'),
    ({'alpha': -.1}, r'alpha is -0.1.*\[0, 1\]'),
    ({'stride': 4}, 'stride is 4, 1 or 2'),
    ({'kernel': 4, 'padding': 1, 'stride': 2}, 'kernel 4 with padding 1'),
    ({'padding': 0}, 'kernel 3 with padding 0'),
    ({'octave_stride': 'durral'}, "'durral'.* did you mean 'durall'"),
    ({'odd': 'cut'}, "no odd 'cut'"),
    ({'groups': 2}, '2 groups from 6 channels, 3 low, to 8, 4 low'),
])
def test_what_would_be_no_octave_is_refused(fields, words):
  with pytest.raises(UserError, match=words):
    layer_of(**fields).init(jax.random.key(0), pair(3, 3))


# Transposed convolutions.


def test_a_transposed_octave_is_made_of_transposed_convolutions():
  x, layer = pair(3, 5), deconv.octave(8, alpha=.25)
  weights = start(layer, x)
  weights['schedule'] = {'beta_high': np.float32(.5),
                         'beta_low': np.float32(2)}
  y = layer.apply(weights, x)
  path = lambda name, source, features: ConvTranspose(
      features, use_bias='bias' in weights['params'][name]).apply(
          {'params': weights['params'][name]}, source)
  high = path('high_high', .5 * x.high, 6) + upsample(
      path('low_high', 2 * x.low, 6))
  low = path('high_low', .5 * downsample(x.high), 2) + path(
      'low_low', 2 * x.low, 2)
  assert y.high.shape == (2, 8, 8, 6) and y.low.shape == (2, 4, 4, 2)
  np.testing.assert_allclose(y.high, high, rtol=1e-4, atol=1e-4)
  np.testing.assert_allclose(y.low, low, rtol=1e-4, atol=1e-4)


def test_a_transposed_octave_of_alpha_zero_is_the_transposed_convolution():
  x, layer = draw(2, 3, 3, 4), deconv.octave(5, alpha=0.)
  weights = start(layer, x)
  np.testing.assert_array_equal(
      layer.apply(weights, x), deconv.plain(5).apply(
          {'params': weights['params']['high_high']}, x))


@pytest.mark.parametrize('alpha', ALPHAS)
def test_a_transposed_octave_takes_any_share(alpha):
  layer = functools.partial(deconv.octave, alpha=alpha, use_bias=False)

  def double(key, x):
    y, one = layer(16).init_with_output(key, x)
    return *octave.last(layer)(3).init_with_output(key, y), one

  image, two, one = jax.eval_shape(double, jax.random.key(0), draw(1, 4, 4, 8))
  assert image.shape == (1, 16, 16, 3)
  assert sum(math.prod(p.shape) for p in jax.tree.leaves(
      [one['params'], two['params']])) == 16 * (8 * 16 + 16 * 3)


def test_a_transposed_convolution_that_does_not_double_is_refused():
  with pytest.raises(UserError, match='kernel 4, stride 1, padding 0'):
    deconv.octave(8, stride=1, padding=0).init(jax.random.key(0), pair(2, 2))


# What stands between convolutions.


def test_norms_have_statistics_and_scales_for_each_map():
  x, layer = pair(3, 5), norm.batch()
  weights = start(layer, x, True)
  weights['batch_stats'] = jax.tree.map(np.ones_like, weights['batch_stats'])
  y, changed = layer.apply(weights, x, True, mutable=['batch_stats'])
  for name in ('high', 'low'):
    own = {k: v[name] for k, v in weights.items()}
    want, stats = layer.apply(own, getattr(x, name), True,
                              mutable=['batch_stats'])
    np.testing.assert_array_equal(getattr(y, name), want)
    jax.tree.map(np.testing.assert_array_equal,
                 changed['batch_stats'][name], stats['batch_stats'])
  assert jax.tree.leaves(norm.none().init(jax.random.key(0), x, True)) == []


def test_a_map_without_high_channels_passes_everything_between():
  x = Octave(None, draw(2, 2, 2, 5))
  weights = start(norm.batch(), x, True)
  assert [*weights['params']] == ['low']
  y = act.leaky_relu(norm.batch().apply(weights, x, False), slope=.1)
  assert y.high is None and upsample(y).shape == (2, 8, 8, 5)
  assert (y + y).shape == downsample(upsample(x)).shape == (2, 4, 4, 5)
  np.testing.assert_array_equal(octave.whole(x), upsample(x.low))


def test_heads_count_a_low_pixel_as_often_as_it_stands():
  x = pair(3, 5)
  found = output.total(x)
  want = np.concatenate([x.high.sum((1, 2)), 4 * x.low.sum((1, 2))], -1)
  np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-4)
  assert octave.whole(x).shape == x.shape == (2, 4, 4, 8)


def test_halving_a_plain_convolution_averages_first():
  x = draw(2, 4, 4, 3)
  weights = start(Conv(5), x)

  class Holder(nn.Module):

    @nn.compact
    def __call__(self, x):
      return octave.halving(conv.plain)(5, name='inner')(x)

  np.testing.assert_array_equal(
      Holder().apply({'params': {'inner': weights['params']}}, x),
      Conv(5).apply(weights, downsample(x)))


def test_a_model_without_an_octave_form_refuses_and_takes_all_else():
  octave.refuse(conv.spectral, 'cnn')
  with pytest.raises(UserError, match='cnn: it has no octave form.*dcgan'):
    octave.refuse(functools.partial(conv.octave_spectral, alpha=.5), 'cnn')


# Groups.


def test_groups_are_those_of_every_path():
  x, layer = pair(4, 2), layer_of(features=8, groups=2, use_bias=False)
  weights = start(layer, x)
  k = {name: path['kernel'] for name, path in weights['params'].items()}
  assert {name: kernel.shape for name, kernel in k.items()} == {
      'high_high': (3, 3, 2, 4), 'low_high': (3, 3, 1, 4),
      'low_low': (3, 3, 1, 4), 'high_low': (3, 3, 2, 4)}
  apply = lambda x, name: convolve(x, k[name], groups=2)
  y = layer.apply(weights, x)
  near = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5)
  near(y.high, apply(x.high, 'high_high') + upsample(apply(x.low, 'low_high')))
  near(y.low, apply(x.low, 'low_low') + apply(downsample(x.high), 'high_low'))
