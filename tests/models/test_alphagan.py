"""The networks of alphaGAN: published counts, operations, super = derived
(alphagan.md 1.2, 1.3, 1.5, 1.14).
"""
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import genotype as genotypes
from jgan import space as spaces
from jgan.errors import UserError
from jgan.layers import act, conv, norm, relax
from jgan.layers.initializer import torch_default, xavier_kernel
from jgan.layers.mixed import Mixed, MixedDouble, Operation
from jgan.models import alphagan, alphagan_super, autogan
from jgan.ops import flops
from jgan.spaces import alphagan as rules

space = spaces.find('alphagan')
RNG = np.random.default_rng(0)
CONVS = ('conv_1x1', 'conv_3x3', 'conv_5x5')


def shapes(module, x, *args):
  variables = dict(jax.eval_shape(lambda k, x: module.init(k, x, *args),
                                  jax.random.key(0), x))
  variables.pop('features', None)
  return variables


def inputs(model, b=2):
  width = getattr(model, 'latent', None)
  return jax.ShapeDtypeStruct(
      (b, width) if width else (b, model.size, model.size, model.colors),
      jnp.float32)


def filled(tree, scale=.2):
  draw = lambda x: RNG.normal(0, scale, x.shape).astype(np.float32)
  return jax.tree.map(draw, tree)


def ones(tree):
  return jax.tree.map(lambda x: np.ones(x.shape, np.float32), tree)


def size(tree):
  return sum(math.prod(x.shape) for x in jax.tree.leaves(tree))


def counts(model):
  x = inputs(model, 1)
  total = flops.total(flops.layers(model, shapes(model, x, True), x))
  return total.params, total.macs, total.macs_thop


@pytest.mark.parametrize('name, width, params, macs, thop', [
    ('s', 256, 2_952_707, 744_914_944, 1_316_441_088),
    ('l', 256, 8_618_499, 2_718_466_048, 2_783_857_664),
    ('s', 128, 886_531, 195_248_128, 339_454_976),
    ('s', 32, 111_043, 15_585_280, 25_097_216)])
def test_a_published_generator_costs_what_the_paper_says(name, width, params,
                                                         macs, thop):
  model = alphagan.Generator(32, 3, width=width, genotype=f'alphagan_{name}')
  assert counts(model) == (params, macs, thop)


@pytest.mark.parametrize('name, width, latent, params', [
    ('s', 160, 128, 1_292_483), ('s', 384, 128, 6_198_531),
    ('l', 64, 128, 643_203), ('l', 96, 128, 1_342_659),
    ('l', 128, 128, 2_294_019), ('l', 192, 128, 4_952_451),
    ('l', 384, 128, 18_973_443), ('s', 8, 16, 6_515), ('s', 16, 16, 17_635),
    ('l', 8, 16, 10_963), ('l', 16, 16, 37_667)])
def test_other_widths_have_the_parameters_of_figure_1(name, width, latent,
                                                      params):
  model = alphagan.Generator(32, 3, width=width, latent=latent,
                             genotype=f'alphagan_{name}')
  assert size(shapes(model, inputs(model), True)['params']) == params


@pytest.mark.parametrize('pixels, params, thop', [
    (32, 4_405_251, 1_766_902_784), (48, 5_065_731, 3_975_531_264)])
def test_autogan_costs_what_the_paper_says_less_its_unused_layers(
    pixels, params, thop):
  model = autogan.Generator(pixels, 3)
  assert counts(model)[::2] == (params, thop)


@pytest.mark.parametrize('pixels, width, latent, params', [
    (32, 256, 128, 27_469_571), (48, 64, 128, 2_055_875), (32, 8, 16, 40_571)])
def test_a_super_generator_has_all_operations(pixels, width, latent, params):
  model = alphagan_super.Generator(pixels, 3, width=width, latent=latent)
  variables = shapes(model, inputs(model), True)
  assert size(variables['params']) == params
  assert jax.tree.map(jnp.shape, variables['arch']) == {
      'normal': (3, 3, 6), 'up': (3, 2, 3), 'skip_2': (1, 3), 'skip_3': (2, 3)}
  assert size(variables['arch']) == 81


@pytest.mark.parametrize('width, params', [
    (128, 1_053_824), (64, 264_768), (16, 17_040), (8, 4_424)])
def test_the_discriminator_has_its_published_parameters(width, params):
  model = alphagan.Discriminator(32, 3, width=width)
  assert size(shapes(model, inputs(model), True)['params']) == params


def test_a_super_discriminator_has_all_convolutions():
  c, taps = 8, 1 + 9 + 25
  model = alphagan_super.Discriminator(32, 3, width=c)
  variables = shapes(model, inputs(model), True)
  edges = 3 * c * taps + 3 * c + 7 * (c * c * taps + 3 * c)
  shortcuts = 3 * c + c + c * c + c
  assert size(variables['params']) == edges + shortcuts + c
  assert variables['arch']['normal'].shape == (4, 2, 3)
  # The edge that reads images is not normalised.
  assert 'n_01' not in variables['spectral']['cell_1']
  assert set(variables['spectral']['cell_2']['n_01']) == set(CONVS)


def test_maps_double_and_halve_at_48_pixels():
  at = lambda model: [x.shape[1:3] for x in dict(jax.eval_shape(
      lambda k, x: model.init(k, x, True), jax.random.key(0),
      inputs(model)))['features']['blocks']]
  assert at(alphagan.Generator(48, 3, width=4)) == [(12,) * 2, (24,) * 2,
                                                    (48,) * 2]
  assert at(alphagan.Discriminator(48, 3, width=4)) == [(24,) * 2] + 3 * [
      (12,) * 2]


def row(op, times=1, **params):
  """What an up operation makes of one row of pixels, 0 and 1."""
  x = jnp.broadcast_to(jnp.array([0., 1.])[:, None], (1, 2, 2, 1))
  layer = MixedDouble((op,), 1, conv.plain, times)
  return layer.apply({'params': params}, x)[0, 0, :, 0]


def test_ways_up_on_two_pixels():
  np.testing.assert_array_equal(row('nearest'), [0, 0, 1, 1])
  np.testing.assert_array_equal(row('bilinear'), [0, .25, .75, 1])
  ones = {'kernel': jnp.ones((2, 2, 1, 1)), 'bias': jnp.zeros(1)}
  np.testing.assert_array_equal(row('deconv', deconv=ones), row('nearest'))
  twice = {'kernel': jnp.full((1, 1, 1, 1), 2.)}
  np.testing.assert_array_equal(row('nearest_conv', nearest_conv=twice),
                                [0, 0, 2, 2])
  np.testing.assert_array_equal(
      row('bilinear_conv', 2, bilinear_conv=twice), 2 * row('bilinear', 2))


def test_a_skip_over_two_cells_uses_its_weights_twice():
  c = 3
  x = RNG.normal(size=(1, 2, 2, c)).astype(np.float32)
  once = MixedDouble(('deconv',), c, conv.plain)
  twice = once.clone(times=2)
  params = filled(shapes(twice, x))
  assert size(params) == 4 * c * c + c
  np.testing.assert_allclose(twice.apply(params, x),
                             once.apply(params, once.apply(params, x)),
                             rtol=1e-5, atol=1e-6)
  model = alphagan.Generator(32, 3, width=c)
  skip = shapes(model, inputs(model), True)['params']['cell_3']['skip_1']
  assert size(skip) == 4 * c * c + c


def test_a_separable_convolution_is_depthwise_pointwise_and_norm_twice():
  layer = Operation('sep_conv_3x3', 3, conv.plain, norm.batch, act.relu)
  x = RNG.normal(size=(2, 4, 4, 3)).astype(np.float32)
  variables = filled(shapes(layer, x, True))
  params = variables['params']
  found, _ = layer.apply(variables, x, True, mutable=['batch_stats'])
  h = x.astype(np.float64)
  for i in range(2):
    padded = np.pad(np.maximum(h, 0), ((0, 0), (1, 1), (1, 1), (0, 0)))
    h = sum(padded[:, j:j + 4, k:k + 4] * params[f'depthwise_{i}']['kernel'][
        j, k, 0] for j, k in np.ndindex(3, 3))
    h = h @ params[f'pointwise_{i}']['kernel'][0, 0]
    h = (h - h.mean((0, 1, 2))) / np.sqrt(h.var((0, 1, 2)) + 1e-5)
    h = h * params[f'norm_{i}']['scale'] + params[f'norm_{i}']['bias']
  np.testing.assert_allclose(found, h, rtol=1e-3, atol=1e-4)


def test_at_equal_logits_an_edge_is_the_mean_of_its_operations():
  x = RNG.normal(size=(2, 5, 5, 4)).astype(np.float32)
  for mixed in (Mixed(rules.NORMAL, 4, conv.plain, act.relu, norm=norm.layer),
                MixedDouble(rules.UP, 4, conv.plain)):
    weights = jnp.full(len(mixed.ops), 1 / len(mixed.ops))
    params = filled(shapes(mixed, x, weights)['params'])
    single = [mixed.clone(ops=(op,)).apply({'params': params}, x)
              for op in mixed.ops]
    np.testing.assert_allclose(mixed.apply({'params': params}, x, weights),
                               np.mean(single, 0), rtol=1e-4, atol=1e-4)


def test_what_skips_does_not_depend_on_the_normal_operations():
  ops = {name: edge.ops for name, edge in space.cells('generator')[0].items()}
  cell = alphagan.UpCell(ops, 2, conv.plain, norm.layer, act.relu)
  weights = {name: jnp.full(len(o), 1 / len(o)) for name, o in ops.items()}
  x = RNG.normal(size=(1, 2, 2, 2)).astype(np.float32)
  params = filled(shapes(cell, x, [], True, weights)['params'])
  apply = jax.jit(lambda p: cell.apply({'params': p}, x, [], True, weights))
  node1, node4 = apply(params)
  changed = {name: filled(part) if name.startswith('n_') else part
             for name, part in params.items()}
  other1, other4 = apply(changed)
  np.testing.assert_array_equal(node1, other1)
  assert np.abs(node4 - other4).max() > .01


def chosen(params, derived):
  """Parameters of a super-network for the derived network's operations.

  What it does not have, scales and shifts, are 1 and 0.
  """
  found = {}
  for name, part in derived.items():
    if hasattr(part, 'items'):
      found[name] = chosen(params.get(name, {}), part)
    else:
      plain = np.full(part.shape, name == 'scale', np.float32)
      found[name] = params.get(name, plain)
  return found


def test_a_super_generator_of_one_hot_logits_is_the_derived_network():
  cells = genotypes.load('alphagan_s')['generator']
  small = alphagan_super.Generator(32, 3, width=3, latent=8)
  z = RNG.normal(size=(2, 8)).astype(np.float32)
  variables = shapes(small, inputs(small), True)
  params = filled(variables['params'])
  found, _ = jax.jit(lambda v: small.apply(
      v, z, True, mutable=['batch_stats']))({
          'params': params, 'batch_stats': ones(variables['batch_stats']),
          'arch': jax.tree.map(lambda x: 1e4 * x,
                               space.one_hot(cells, 'generator')),
          'schedule': {'temperature': np.float32(1)}})
  net = alphagan.Generator(32, 3, width=3, latent=8)
  own = shapes(net, inputs(net), True)
  want, _ = jax.jit(lambda p, s: net.apply(
      {'params': p, 'batch_stats': s}, z, True, mutable=['batch_stats']))(
          chosen(params, own['params']), ones(own['batch_stats']))
  assert np.std(want) > .01
  np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-5)


def test_every_operation_of_a_cell_changes_its_output():
  ops = {name: edge.ops for name, edge in space.cells('generator')[2].items()}
  cell = alphagan.UpCell(ops, 4, conv.plain, norm.layer, act.relu)
  x, *skips = (RNG.normal(size=(2, n, n, 4)).astype(np.float32)
               for n in (2, 1, 2))
  weights = {name: np.full(len(o), 1 / len(o), np.float32)
             for name, o in ops.items()}
  params = filled(jax.eval_shape(
      lambda k: cell.init(k, x, skips, True, weights), jax.random.key(0)), .5)
  grads = jax.jit(jax.grad(lambda w: jnp.sin(
      cell.apply(params, x, skips, True, w)[1]).sum()))(weights)
  assert set(grads) == set(space.cells('generator')[2])
  assert all((np.abs(grad) > 0).all() for grad in grads.values())


def test_the_discriminator_is_autogans():
  ours = alphagan.Discriminator(32, 3, width=4, outputs=2)
  theirs = autogan.Discriminator(32, 3, width=4, outputs=2)
  variables = filled(shapes(ours, inputs(ours), True))
  x = RNG.normal(size=inputs(ours).shape).astype(np.float32)

  def renamed(tree):
    found = {'linear': tree['linear']}
    for i in range(4):
      cell = tree[f'cell_{i + 1}']
      found[f'block_{i}'] = {
          'conv_0': cell['n_01']['conv_3x3'],
          'conv_1': cell['n_12']['conv_3x3'],
          **({'shortcut': cell['shortcut']} if i < 2 else {})}
    return found

  found, want = (jax.jit(lambda v, m=model: m.apply(v, x, False))(v)
                 for model, v in ((ours, variables), (theirs, {
                     k: renamed(v) for k, v in variables.items()})))
  np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-5)


def test_a_searched_discriminator_is_its_super_network_of_one_hot_logits(
    tmp_path):
  cells = space.sample(np.random.default_rng(1), 'discriminator')
  genotypes.save(tmp_path / 'both.json', {
      **genotypes.load('alphagan_l'), 'discriminator': cells})
  net = alphagan.Discriminator(32, 3, width=3,
                               genotype=str(tmp_path / 'both.json'))
  small = alphagan_super.Discriminator(32, 3, width=3)
  variables = filled(shapes(small, inputs(small), True))
  variables |= {
      'arch': jax.tree.map(lambda x: 1e4 * x,
                           space.one_hot(cells, 'discriminator')),
      'schedule': {'temperature': np.float32(1)}}
  x = RNG.normal(size=inputs(net).shape).astype(np.float32)
  own = shapes(net, inputs(net), True)
  found = jax.jit(lambda v: small.apply(v, x, True))(variables)
  want = jax.jit(lambda v: net.apply(v, x, True))(
      {k: chosen(variables[k], v) for k, v in own.items()})
  np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-4)


def test_a_searched_discriminator_activates_the_images_unless_told_not_to():
  model = alphagan_super.Discriminator(32, 3, width=3)
  variables = filled(shapes(model, inputs(model), True))
  x = RNG.normal(size=inputs(model).shape).astype(np.float32)
  (active, positive), (plain, same) = (
      [run(variables, x), run(variables, abs(x))] for run in (
          jax.jit(lambda v, x, m=m: m.apply(v, x, False))
          for m in (model, model.clone(image_act=False))))
  np.testing.assert_array_equal(positive, same)
  assert (active != plain).all()


def test_noise_is_drawn_anew_where_there_is_a_key_for_it():
  model = alphagan_super.Generator(
      32, 3, width=4, latent=4, relax=relax.gumbel, normal=rules.NORMAL[2:4],
      up=('nearest',))
  variables = shapes(model, inputs(model), True)
  assert variables['arch']['normal'].shape == (3, 3, 2)
  assert variables['arch']['skip_3'].shape == (2, 1)
  variables = filled(variables) | {
      'batch_stats': ones(variables['batch_stats']),
      'schedule': {'temperature': np.float32(.5)}}
  z = RNG.normal(size=(1, 4)).astype(np.float32)
  noisy = jax.jit(lambda key: model.apply(
      variables, z, True, rngs={'noise': key}, mutable=['batch_stats'])[0])
  a, b = (noisy(jax.random.key(i)) for i in range(2))
  assert np.abs(a - b).max() > 1e-4
  # Noise that is the same for all operations changes nothing.
  np.testing.assert_allclose(relax.gumbel(jnp.array([0., .5, 1.]), None, .5),
                             [.0900, .2447, .6652], atol=5e-5)


def test_layers_start_as_in_the_published_training():
  """Xavier's bound of a depthwise kernel, and torch's of a transposed one."""
  c, k = 16, 5
  make = lambda features, **fields: conv.plain(
      features, initializer=xavier_kernel(), **fields)
  x = jnp.zeros((1, 2, 2, c))
  key = jax.random.key(0)
  layer = make(c, kernel=k, groups=c, use_bias=False)
  kernel = layer.init(key, x)['params']['kernel']
  assert .95 < np.abs(kernel).max() / math.sqrt(
      6 / (k * k + c * k * k)) <= 1 + 1e-6
  deconv = MixedDouble(('deconv',), c, make).init(key, x)['params']['deconv']
  for part in deconv.values():
    assert .85 < np.abs(part).max() * math.sqrt(4 * c) <= 1 + 1e-6
  assert alphagan.Generator.initializer is xavier_kernel
  for player in (alphagan_super.Generator, alphagan_super.Discriminator,
                 alphagan.Discriminator):
    assert player.initializer is torch_default


@pytest.mark.parametrize('module', [alphagan, alphagan_super])
def test_networks_of_64_pixels_have_the_layers_of_32(module):
  """But for the dense one that makes the first map."""
  for player in (module.Generator, module.Discriminator):
    small, large = (shapes(model, inputs(model), True)['params'] for model in (
        player(side, 3, width=4) for side in (32, 64)))
    if player is module.Generator:
      assert large.pop('linear')['kernel'].shape == (128, 8 * 8 * 4)
      assert small.pop('linear')['kernel'].shape == (128, 4 * 4 * 4)
    assert small == large


@pytest.mark.parametrize('player, fields, words', [
    ('Generator', {'size': 36}, 'size 36 .* multiples of 8'),
    ('Discriminator', {'size': 34}, 'size 34 .* multiples of 4'),
    ('Generator', {'genotype': 'mmd_nas'}, "'mmd_nas' is of space 'adv.*'alph"),
    ('Discriminator', {'genotype': 'alphagan_s'}, 'has no discriminator'),
    ('Generator', {'genotype': 'alphagan_m'}, 'alphagan_m.*neither a file')])
def test_a_size_or_genotype_that_does_not_fit_is_refused(player, fields, words):
  model = getattr(alphagan, player)(32, 3).clone(**fields)
  with pytest.raises(UserError, match=words):
    shapes(model, inputs(model), True)
