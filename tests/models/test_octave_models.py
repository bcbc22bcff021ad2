"""Networks of octave convolutions against specs/soft_octave.md 2.5."""
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from jgan import build, lookup
from jgan import config as configs
from jgan.errors import UserError
from jgan.layers import act, conv, deconv, initializer, norm, octave
from jgan.layers.resize import downsample
from jgan.models import sngan
from jgan.ops import flops
from jgan.ops.octave import Octave

RNG = np.random.default_rng(0)
NETWORKS = [(name, player, size)
            for name, size in (('dcgan', 16), ('sngan', 32), ('autogan', 32))
            for player in ('Generator', 'Discriminator')]


def share(alpha, **fields):
  return functools.partial(conv.octave, alpha=alpha, **fields)


def shapes(name, player, size, **fields):
  """Model, an input's shape, its variables' and its features'."""
  model = getattr(lookup.find('models', name), player)(size, 3, **fields)
  x = jax.ShapeDtypeStruct((2, model.latent) if player == 'Generator' else
                           (2, size, size, 3), jnp.float32)
  variables = dict(jax.eval_shape(lambda k, x: model.init(k, x, True),
                                  jax.random.key(0), x))
  return model, x, variables, variables.pop('features')['blocks']


def draw(tree):
  """Numbers for shapes; variances and weights are positive."""
  fill = lambda x: RNG.normal(0, .3, x.shape).astype(np.float32)
  return {name: jax.tree.map(fill if name == 'params' else
                             lambda x: abs(fill(x)) + .5, part)
          for name, part in tree.items()}


@pytest.mark.parametrize('alpha, gen, disc', [
    (0., 316_964_864, None), (.125, None, None), (.5, 155_942_912, 35_253_504),
    (.99, 80_902_784, 19_861_722), (1., None, None)])
def test_the_octave_dcgan_has_the_parameters_and_the_work_of_the_paper(
    alpha, gen, disc):
  for player, params, macs in (('Generator', 2_404_128, gen),
                               ('Discriminator', 1_574_176, disc)):
    model, x, variables, _ = shapes('dcgan', player, 128, conv=share(alpha))
    found = flops.total(flops.layers(model, variables, x))
    assert found.params == params
    assert macs in (None, found.macs)
    if not alpha:  # the plain twin
      model, x, variables, _ = shapes('dcgan', player, 128)
      twin = flops.total(flops.layers(model, variables, x))
      assert (found.params, found.macs) == (twin.params, twin.macs)


def test_maps_of_the_octave_dcgan_have_the_published_sizes():
  scopes = {}
  for player in ('Generator', 'Discriminator'):
    model, x, variables, _ = shapes('dcgan', player, 128, conv=share(.5))
    for row in flops.layers(model, variables, x):
      scopes[player, row.name] = row.shape
  for i, size in enumerate((8, 16, 32, 64), 1):
    c = 512 // 2**i // 2
    assert scopes['Generator', f'norm_{i}/high'] == (size, size, c)
    assert scopes['Generator', f'norm_{i}/low'] == (size // 2, size // 2, c)
  for i, size in enumerate((64, 32, 16, 8, 4)):
    c = 32 * 2**i // 2
    assert scopes['Discriminator', f'norm_{i}/high'] == (size, size, c)
    assert scopes['Discriminator', f'norm_{i}/low'] == (
        size // 2, size // 2, c)
  assert scopes['Discriminator', 'logits/high_high'] == (2, 2, 1)
  assert scopes['Discriminator', 'logits/low_high'] == (1, 1, 1)
  kernels = variables['params']
  assert not any('bias' in p for layer in kernels.values()
                 for p in layer.values() if 'kernel' in p)


def test_the_last_layer_of_the_octave_discriminator_is_the_published_one():
  """Pool both; HH on 2 x 2, then pool; LH on 1 x 1, as it is; add."""
  x = Octave(*(RNG.normal(size=(2, s, s, 4)).astype(np.float32)
               for s in (4, 2)))
  kernels = {name: {'kernel': RNG.normal(size=(3, 3, 4, 1)).astype(np.float32)}
             for name in ('high_high', 'low_high')}
  layer = octave.halving(octave.last(share(.5)))(1, use_bias=False)
  found = downsample(layer.apply(
      {'params': kernels, 'schedule': {'beta_high': jnp.float32(1),
                                       'beta_low': jnp.float32(1)}}, x))
  run = lambda name, x: conv.convolve(x, kernels[name]['kernel'])
  want = downsample(run('high_high', downsample(x.high))) + run(
      'low_high', downsample(x.low))
  np.testing.assert_allclose(found, want, rtol=1e-5, atol=1e-5)


def test_stride_two_of_the_discriminator_is_as_asked():
  work = []
  for kind in octave.STRIDES:
    model, x, variables, _ = shapes(
        'dcgan', 'Discriminator', 16, conv=share(.5, octave_stride=kind))
    work.append(flops.total(flops.layers(model, variables, x)).macs)
  assert work[0] < work[1]  # fb convolves the low map before it is halved


@pytest.mark.parametrize('name, player, size', NETWORKS)
def test_any_share_gives_the_maps_and_parameters_of_the_plain_twin(
    name, player, size):
  plain = shapes(name, player, size, conv=conv.plain, width=8)
  for alpha in (0., .125, .5, .99, 1.):
    octaves = shapes(name, player, size, conv=share(alpha), width=8)
    count, twin = (flops.total(flops.layers(model, variables, x))
                   for model, x, variables, _ in (octaves, plain))
    assert count.params == twin.params
    assert [f.shape for f in octaves[3]] == [f.shape for f in plain[3]]
    assert (count.macs < twin.macs) == (alpha > 0)
    assert ('schedule' in octaves[2]) == (alpha > 0)


@pytest.mark.parametrize('alpha', [0., .125, .5, .99, 1.])
def test_a_generator_of_transposed_octaves_is_as_the_plain_one(alpha):
  plain = shapes('dcgan_deconv', 'Generator', 32, width=8)
  octaves = shapes('dcgan_deconv', 'Generator', 32, width=8,
                   deconv=functools.partial(deconv.octave, alpha=alpha))
  count, twin = (flops.total(flops.layers(model, variables, x))
                 for model, x, variables, _ in (octaves, plain))
  assert count.params == twin.params
  assert (count.macs < twin.macs) == (alpha > 0)
  assert [f.shape for f in octaves[3]] == [f.shape for f in plain[3]]


@pytest.mark.parametrize('player', ['Generator', 'Discriminator'])
def test_a_share_of_zero_is_the_plain_network_bit_for_bit(player):
  model, x, variables, _ = shapes('dcgan', player, 16, conv=share(0.), width=4)
  variables = draw(variables)
  plain = model.clone(conv=conv.plain)
  own = {**variables, 'params': {
      name: layer.get('high_high', layer)
      for name, layer in variables['params'].items()}}
  x = RNG.normal(size=x.shape).astype(np.float32)
  run = lambda model, variables: jax.jit(
      lambda v: model.apply(v, x, True, mutable=['batch_stats']))(variables)
  jax.tree.map(np.testing.assert_array_equal, run(model, variables),
               run(plain, own))


@pytest.mark.parametrize('make', [
    sngan.UpBlock, functools.partial(sngan.DownBlock, halve=True)])
def test_a_residual_block_learns_in_every_kernel(make):
  block = make(4, hidden=4, conv=conv.octave_spectral, norm=norm.batch,
               act=act.leaky_relu, initializer=initializer.xavier)
  x = Octave(*(RNG.normal(size=(2, s, s, 2)).astype(np.float32)
               for s in (4, 2)))
  variables = draw(jax.eval_shape(lambda k, x: block.init(k, x, True),
                                  jax.random.key(0), x))

  def loss(params):
    y, _ = block.apply({**variables, 'params': params}, x, True,
                       mutable=['batch_stats', 'spectral'])
    return sum(jnp.square(part).sum() for part in (y.high, y.low))

  grads = jax.jit(jax.grad(loss))(variables['params'])
  assert sum(g.ndim == 4 for g in jax.tree.leaves(grads)) == 3 * 4
  for path, g in jax.tree_util.tree_leaves_with_path(grads):
    assert np.isfinite(g).all() and np.abs(g).max() > 0, path


def test_a_config_trains_both_players_and_new_betas_recompile_nothing():
  c = configs.base()
  c.data = {'name': 'mixture', 'render': 'images', 'size': 16, 'count': 16}
  c.batch, c.steps, c.dtype = 4, 10, 'bfloat16'
  for player in ('generator', 'discriminator'):
    c[player] = {'name': 'dcgan', 'width': 4, 'conv': {'name': 'octave',
                                                       'alpha': .25}}
  c.schedules = ({'name': 'octave', 'curve': 'ramp'},)
  method = build.method(c)
  shape = build.spec(c).shape
  batch = {'image': RNG.integers(0, 255, (1, 4, *shape)).astype(np.uint8)}
  state = jax.tree.map(
      lambda x: np.zeros(x.shape, x.dtype) if x.dtype == jnp.int32 else
      abs(RNG.normal(0, .2, x.shape)).astype(x.dtype),
      jax.eval_shape(method.init, jax.random.key(0), batch))
  before, key = state, jax.random.key(0)
  step = jax.jit(method.step).lower(state, batch, key).compile()
  for i in range(2):
    state, metrics = step(state, batch, key)
    assert all(np.isfinite(m) for m in metrics.values())
    for net in (state.gen, state.disc):
      for path, beta in jax.tree_util.tree_leaves_with_path(
          net.stats['schedule']):
        high = (i + 1) / 10
        np.testing.assert_allclose(
            beta, high if path[-1].key == 'beta_high' else 1 - high, rtol=1e-6)
  for net in ('gen', 'disc'):
    moved = jax.tree.map(lambda old, new: np.abs(old - new).max(),
                         *(getattr(s, net).params for s in (before, state)))
    assert all(m > 0 for m in jax.tree.leaves(moved))


@pytest.mark.parametrize('name', ['sn_cnn', 'alphagan', 'adversarial_nas'])
def test_a_model_without_an_octave_form_says_so(name):
  for player in ('Generator', 'Discriminator'):
    with pytest.raises(UserError, match=f'{name}: it has no octave form'):
      shapes(name, player, 32, conv=share(.5), width=8)


@pytest.mark.parametrize('name', ['cnn', 'dcgan_deconv'])
def test_kernels_of_four_are_no_octaves(name):
  with pytest.raises(UserError, match='kernel 4 with padding 1'):
    shapes(name, 'Discriminator', 16, conv=share(.5))


def test_a_size_whose_low_maps_cannot_be_halved_is_refused_or_padded():
  sides = lambda **fields: [f.shape[1] for f in shapes(
      'sngan', 'Discriminator', 48, width=8, **fields)[3]]
  with pytest.raises(UserError, match="3 x 3 has no half.*odd='pad'"):
    sides(conv=share(.5))
  assert sides(conv=share(.5), halvings=3)[-1] == 6
  for alpha in (0., .5, .99):
    assert sides(conv=share(alpha, odd='pad')) == [24, 12, 6, 3, 3]


def test_layer_normalisation_is_of_each_map_alone():
  *_, variables, _ = shapes('dcgan', 'Discriminator', 16, conv=share(.5),
                            norm=norm.layer)
  assert {*variables['params']['norm_0']} == {'high', 'low'}


def test_the_field_of_a_config_takes_arguments():
  made = build._part('conv', ConfigDict({'name': 'octave_spectral',
                                         'alpha': .25}))
  assert made(8).alpha == .25
