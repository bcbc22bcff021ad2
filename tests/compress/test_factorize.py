"""Whole networks: factored, reconstructed and tried layer by layer."""
import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.compress import factorize, moments, ranks, sensitivity
from jgan.compress.fits import outputs
from jgan.compress.forms import cp
from jgan.errors import UserError
from jgan.layers import conv, dense, factored
from jgan.models import dcgan
from jgan.types import Network

RNG = np.random.default_rng(0)


class Small(nn.Module):
  """z [b, 4] -> [b, 4, 4, 3]."""
  conv: type = conv.plain
  dense: type = dense.plain
  latent: int = 4

  @nn.compact
  def __call__(self, z, train):
    del train
    x = self.dense(4 * 4 * 8, name='linear')(z).reshape(-1, 4, 4, 8)
    x = nn.relu(self.conv(8, name='first')(x))
    x = nn.relu(self.conv(8, 5, dilation=2, name='second')(x))
    return jnp.tanh(self.conv(3, 1, name='to_rgb')(x))


LAYERS = {'linear': {'form': 'svd', 'rank': 2},
          'first': {'form': 'tucker', 'rank': (3, 2)},
          'second': {'form': 'cp', 'rank': 3},
          'to_rgb': {'form': 'svd', 'rank': 1}}


def planted():
  """Parameters whose kernels have exactly the ranks of LAYERS."""
  normal = lambda *shape: RNG.normal(size=shape)
  kernels = {
      'linear': normal(4, 2) @ normal(2, 128),
      'first': np.einsum('cr,hwrs,st->hwct', normal(8, 3), normal(3, 3, 3, 2),
                         normal(2, 8)),
      'second': cp.compose({'height': normal(5, 3), 'width': normal(5, 3),
                            'in': normal(8, 3), 'out': normal(3, 8)}),
      'to_rgb': (normal(8, 1) @ normal(1, 3))[None, None]}
  scaled = {name: k / np.linalg.norm(k) * np.sqrt(k.shape[-1])
            for name, k in kernels.items()}
  return {name: {'kernel': k.astype(np.float32),
                 'bias': normal(k.shape[-1]).astype(np.float32)}
          for name, k in scaled.items()}


PARAMS = planted()


def images(model, params):
  z = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
  return model.apply({'params': params}, z, False)


def test_a_network_of_exact_ranks_is_compressed_without_loss():
  params, reports = factorize.factorize(PARAMS, LAYERS)
  expected = images(Small(), PARAMS)
  assert np.std(expected) > .1
  np.testing.assert_allclose(
      images(factored.module(Small(), LAYERS), params), expected, atol=1e-4)
  assert all(report.error < 1e-4 for report in reports)


def test_factored_parameters_have_the_tree_of_the_factored_model():
  params, _ = factorize.factorize(PARAMS, LAYERS)
  init = functools.partial(factored.module(Small(), LAYERS).init, train=False)
  shapes = jax.eval_shape(init, jax.random.key(0), jnp.zeros((1, 4)))['params']
  assert jax.tree.map(jnp.shape, params) == jax.tree.map(jnp.shape, shapes)
  assert {x.dtype for x in jax.tree.leaves(params)} == {np.dtype('float32')}
  np.testing.assert_array_equal(params['second']['bias'],
                                PARAMS['second']['bias'])


def test_reports_count_what_the_arrays_hold():
  params, reports = factorize.factorize(PARAMS, LAYERS)
  numbers = lambda tree: sum(x.size for x in jax.tree.leaves(tree))
  for report in reports:
    assert report.before == numbers(PARAMS[report.layer])
    assert report.after == numbers(params[report.layer])
  assert [report.layer for report in reports] == list(LAYERS)
  cps = [report for report in reports if report.form == 'cp']
  assert all(report.largest_term > .3 for report in cps)
  assert all(np.isfinite(report.log_sensitivity) for report in cps)


def test_a_reconstruction_is_the_factored_network_in_the_old_tree():
  layers = {'second': {'form': 'cp', 'rank': 2},
            'linear': {'form': 'svd', 'rank': 1}}
  dense_params, reports = factorize.reconstruct(PARAMS, layers)
  params, same = factorize.factorize(PARAMS, layers)
  assert jax.tree.map(jnp.shape, dense_params) == jax.tree.map(jnp.shape,
                                                               PARAMS)
  np.testing.assert_allclose(
      images(Small(), dense_params),
      images(factored.module(Small(), layers), params), atol=1e-5)
  assert [r.error for r in reports] == [r.error for r in same]
  assert reports[0].error > .1
  np.testing.assert_array_equal(dense_params['first']['kernel'],
                                PARAMS['first']['kernel'])


def test_the_given_parameters_are_not_changed():
  before = jax.tree.map(np.array, PARAMS)
  factorize.factorize(PARAMS, LAYERS)
  jax.tree.map(np.testing.assert_array_equal, PARAMS, before)


@pytest.mark.parametrize('path, options, says', [
    ('secnod', {'form': 'cp', 'rank': 2}, "did you mean 'second'"),
    ('second', {'form': 'svd', 'rank': 2}, "layer 'second': .* no form 'svd'"),
    ('linear', {'form': 'svd', 'rank': 9}, "layer 'linear': rank 9.* to 4"),
    ('first', {'form': 'tucker', 'rank': (9, 2)}, "layer 'first': rank 9"),
    ('linear', {'form': 'svd', 'rank': 0}, "layer 'linear': rank 0"),
])
def test_an_error_names_the_layer(path, options, says):
  with pytest.raises(UserError, match=says):
    factorize.factorize(PARAMS, {path: options})


def test_a_network_is_factored_in_two_stages():
  convs = {'second': LAYERS['second']}
  linear = {'linear': LAYERS['linear']}
  params, _ = factorize.factorize(PARAMS, convs)
  params, _ = factorize.factorize(params, linear)
  both = factored.module(Small(), convs | linear)
  np.testing.assert_allclose(images(both, params), images(Small(), PARAMS),
                             atol=1e-4)


def test_trials_take_layers_with_the_ranks_that_make_them_smaller():
  shapes = ranks.matching(PARAMS, 'linear|second')
  assert sensitivity.trials(shapes, (1, 3, 100)) == [
      ('linear', {'form': 'svd', 'rank': 1}),
      ('linear', {'form': 'svd', 'rank': 3}),
      ('second', {'form': 'cp', 'rank': 1}),
      ('second', {'form': 'cp', 'rank': 3})]
  with pytest.raises(UserError, match='no layer matches'):
    ranks.matching(PARAMS, 'lienar')
  with pytest.raises(UserError, match='smaller: linear'):
    sensitivity.trials({'linear': shapes['linear']}, (100,))


def test_sensitivity_changes_one_layer_at_a_time():
  seen = []

  def score(params):
    seen.append([name for name in PARAMS if np.abs(
        params[name]['kernel'] - PARAMS[name]['kernel']).max() > 1e-3])
    return sum(np.sum((params[n]['kernel'] - PARAMS[n]['kernel'])**2)
               for n in PARAMS)

  pairs = [('linear', {'form': 'svd', 'rank': 1}),
           ('second', {'form': 'cp', 'rank': 1}),
           ('second', {'form': 'cp', 'rank': 3})]
  rows = list(sensitivity.measure(PARAMS, pairs, score))
  assert seen == [['linear'], ['second'], []]
  for row in rows:
    kernel = PARAMS[row.layer]['kernel']
    np.testing.assert_allclose(row.score, (row.error * np.linalg.norm(kernel))
                               ** 2, rtol=1e-3, atol=1e-6)
  assert rows[1].removed == 25 * 64 - 26
  assert rows[1].params == 25 * 64 + 8


def test_every_path_of_an_octave_generator_is_factored():
  """The four, three or two kernels of each layer, all of rank one."""
  model = dcgan.Generator(32, 3, latent=4, width=2, conv=functools.partial(
      conv.octave, alpha=.5))
  shapes = dict(jax.eval_shape(functools.partial(model.init, train=False),
                               jax.random.key(0), np.zeros((1, 4))))
  del shapes['features']
  draw = lambda *shape: abs(RNG.normal(0, .7, shape)).astype(np.float32)
  variables = jax.tree.map(
      lambda x: functools.reduce(np.multiply.outer, map(draw, x.shape))
      if x.ndim == 4 else draw(*x.shape), shapes)
  layers = ranks.resolve(variables['params'], [
      {'match': 'low_low', 'form': 'cp', 'rank': 1},
      {'match': '^(conv_|to_rgb)', 'form': 'tucker', 'rank': (1, 1)}])
  assert {*layers} == {
      'conv_1/high_high', 'conv_1/high_low', 'conv_2/high_high',
      'conv_2/high_low', 'conv_2/low_high', 'conv_2/low_low',
      'to_rgb/high_high', 'to_rgb/low_high'}
  z = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)
  sample = lambda net, z: model.apply(
      {**variables, 'params': net.params}, z, False)
  seen = moments.measure(sample, Network(variables['params'], {}), z,
                         [*layers], ridge=1e-4)
  params, reports = factorize.factorize(variables['params'], layers,
                                        refit=outputs.refit, seen=seen)
  assert max(report.error for report in reports) < 1e-4
  assert max(report.output_error for report in reports) < 1e-4
  images, factored_images = (
      jax.jit(lambda v, m=made: m.apply(v, z, False))(
          {**variables, 'params': p})
      for made, p in ((model, variables['params']),
                      (factored.module(model, layers), params)))
  assert np.std(images) > .05
  np.testing.assert_allclose(factored_images, images, atol=1e-3)
