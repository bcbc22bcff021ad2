"""Networks of AdversarialNAS's space: counts of specs/mmd_adversarial_nas.md
7 and 9.1, shapes of 9.3, and its forward goldens 9.10 in float64.
"""
import json
import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import genotype as genotypes
from jgan import space as spaces
from jgan.errors import UserError
from jgan.layers import conv, output, relax
from jgan.models import adversarial_nas as derived
from jgan.models import adversarial_nas_super as superior
from jgan.ops import flops

space = spaces.find('adversarial_nas')
AS_GAO = ('nearest', 'bilinear', 'conv_transpose')
# The other genotype in SCGAN's training code, of operations by number.
_OPS = ('none', 'skip', 'conv_1x1', 'conv_3x3', 'conv_5x5', 'dil_conv_3x3')
SCGAN_1 = json.dumps({'space': 'adversarial_nas', 'generator': [
    {'up0': 'bilinear', 'up1': 'bilinear',
     **{f'c{i}': _OPS[op] for i, op in enumerate(cell)}}
    for cell in ((1, 3, 1, 2, 2), (4, 2, 5, 0, 1), (1, 5, 2, 1, 3))]})


def shapes(model):
  x = jnp.zeros((1, model.latent) if hasattr(model, 'latent') else
                (1, model.size, model.size, model.colors))
  found = dict(jax.eval_shape(lambda k: model.init(k, x, True),
                              jax.random.key(0)))
  return x, found.pop('features')['blocks'], found


def size(tree):
  return sum(math.prod(p.shape) for p in jax.tree.leaves(tree))


@pytest.mark.parametrize('genotype, side, width, params, macs', [
    ('mmd_nas', 32, 256, 20_185_859, 8.8773e9),
    ('mmd_nas', 32, 128, 5_931_395, 2.22195e9),
    ('mmd_nas', 48, 256, 19_470_083, 19.9689e9),
    ('mmd_nas', 48, 128, 5_573_507, 4.99690e9),
    ('adversarial_nas', 32, 256, 8_846_851, None),
    ('scgan', 32, 256, 7_732_483, 2_430_631_936),
    ('scgan', 48, 256, 7_016_707, None),
    (SCGAN_1, 32, 256, 8_388_355, None),
    ('eagan', 32, 256, 7_142_403, 1_889_566_720),
    ('eagan', 48, 256, 6_426_627, None),
    ('adversarial_nas', 48, 270, 8_881_923, None),
    ('mmd_nas', 64, 256, 21_656_323, None),
    ('mmd_nas', 64, 128, 6_666_627, None)])
def test_a_published_generator_has_its_parameters_and_work(genotype, side,
                                                           width, params, macs):
  model = derived.Generator(side, 3, width=width, genotype=genotype)
  x, _, variables = shapes(model)
  total = flops.total(flops.layers(model, variables, x))
  assert total.params == params
  if macs:
    np.testing.assert_allclose(total.macs, macs, rtol=1e-5)


def test_layers_have_the_names_that_other_parts_know():
  _, blocks, variables = shapes(derived.Generator(32, 3, width=8))
  params = variables['params']
  assert set(params) == {'linear_1', 'linear_2', 'linear_3', 'cell_1',
                         'cell_2', 'cell_3', 'norm', 'to_rgb'}
  assert set(params['cell_1']) == {'up0', 'up1', 'c0', 'c1', 'c2', 'c3'}
  assert set(params['cell_3']) == {'up0', 'up1', 'c0', 'c1', 'c2', 'c3', 'c4',
                                   'skip_1', 'skip_2'}
  assert params['cell_1']['c0']['conv_3x3']['kernel'].shape == (3, 3, 8, 8)
  assert params['cell_3']['c4']['conv_5x5']['bias'].shape == (8,)
  assert params['cell_1']['up0']['nearest']['kernel'].shape == (1, 1, 8, 8)
  assert [b.shape[1:] for b in blocks] == [(8, 8, 8), (16, 16, 8), (32, 32, 8)]
  assert 'linear_3' not in shapes(derived.Generator(48, 3, width=8))[2][
      'params']


class Standardised(nn.Module):
  """Batch normalisation in its input's precision, all at the start."""
  initializer: object = None
  dtype: object = None
  axis_name: object = None

  def __call__(self, x, train):
    mean, var = (x.mean((0, 1, 2)), x.var((0, 1, 2))) if train else (0., 1.)
    return (x - mean) / jnp.sqrt(var + 1e-5)


def wave(shape, dtype):
  """Goldens' weights: `shape` is PyTorch's, filled row by row."""
  n = np.arange(math.prod(shape))
  w = np.sin(.7 * n + .3) * np.sqrt(2 / math.prod(shape[1:]))
  return w.reshape(shape).astype(dtype)


def golden(params, width, dtype):
  """Fills a parameter tree with the goldens' numbers, in our layout."""
  def fill(path, p):
    names = [k.key for k in path]
    bias = .01 * np.cos(np.arange(p.shape[-1])).astype(dtype)
    if names[0] == 'norm':
      return np.full(p.shape, names[-1] == 'scale', dtype)
    if names[0].startswith('linear'):
      side = math.isqrt(p.shape[-1] // width)
      ours = lambda w: w.reshape(width, side, side, -1).transpose(
          3, 1, 2, 0).reshape(-1, p.shape[-1])
      if names[-1] == 'bias':
        return ours(bias)[0]
      return ours(wave(p.shape[::-1], dtype))
    if names[-1] == 'bias':
      return bias
    h, w, i, o = p.shape
    return wave((o, i, h, w), dtype).transpose(2, 3, 1, 0)
  return jax.tree_util.tree_map_with_path(fill, params)


GOLDEN = {
    False: (.004001361847, .053838527077,
            [-.08992204129, -.10977201288, -.13236398841],
            [-.00485320871, -.00535738773, -.01063432795]),
    True: (-.006207913897, .497856833690,
           [-.93967185004, -.96059666002, -.97277278546],
           [-.23247215065, -.22362042682, -.21545663794]),
}


def images(model, train, dtype):
  params = golden(shapes(model)[2]['params'], 8, dtype)
  z = np.sin(.11 * np.arange(240)).reshape(2, 120).astype(dtype)
  stats = {'batch_stats': {'norm': {'mean': np.zeros(8, dtype),
                                    'var': np.ones(8, dtype)}}}
  return np.asarray(jax.jit(
      lambda p, z: model.apply({'params': p, **stats}, z, train))(params, z))


@pytest.mark.parametrize('train', [False, True])
def test_the_generator_computes_what_the_published_code_does(
    train, monkeypatch, double):
  monkeypatch.setattr(output, 'image', jnp.tanh)  # not by way of float32
  with double():
    out = images(derived.Generator(32, 3, width=8, norm=Standardised,
                                   dtype=jnp.float64), train, np.float64)
  mean, std, corner, inner = GOLDEN[train]
  assert out.dtype == np.float64
  np.testing.assert_allclose(out.mean(), mean, atol=1e-9)
  np.testing.assert_allclose(out.std(ddof=1), std, atol=1e-9)
  np.testing.assert_allclose(out[0, 0, 0], corner, atol=1e-9)
  np.testing.assert_allclose(out[1, 15, 20], inner, atol=1e-9)
  if not train:
    np.testing.assert_allclose(np.abs(out).sum(), 250.35617597650, atol=1e-7)


def test_the_generator_as_it_is_used_agrees_in_float32():
  out = images(derived.Generator(32, 3, width=8), False, np.float32)
  np.testing.assert_allclose(out[0, 0, 0], GOLDEN[False][2], atol=1e-5)
  np.testing.assert_allclose(out[1, 15, 20], GOLDEN[False][3], atol=1e-5)


def test_super_networks_have_their_parameters_and_logits():
  # The published counts have the logits among the parameters, and in
  # MMD-AdversarialNAS transposed convolutions on six edges that nothing uses.
  unused = 6 * (9 * 160 + 160**2)
  for model, count, logits in (
      (superior.Generator(32, 3), 29_420_126 - unused,
       {'normal': (3, 5, 7), 'up': (3, 2, 3)}),
      (superior.Generator(32, 3, up=AS_GAO), 29_265_566,
       {'normal': (3, 5, 7), 'up': (3, 2, 3)}),
      (superior.Discriminator(32, 3), 11_049_308,
       {'normal': (4, 5, 7), 'down': (4, 2, 6)})):
    _, _, variables = shapes(model)
    assert size(variables['params']) + size(variables['arch']) == count
    assert {k: v.shape for k, v in variables['arch'].items()} == logits
    assert variables['schedule']['temperature'].shape == ()


def test_super_networks_work_at_all_sizes():
  for side in (16, 48, 128):
    for model in (superior.Generator(side, 3, width=4),
                  superior.Discriminator(side, 3, width=4)):
      assert [b.shape[1] for b in shapes(model)[1]] == (
          [side // 4, side // 2, side] if hasattr(model, 'latent') else
          [side // 2, side // 4, side // 8, side // 16])


def test_a_genotype_is_a_network_at_128_pixels():
  """Its noise goes in at 16 and 32 pixels."""
  _, blocks, variables = shapes(derived.Generator(128, 3, width=8))
  assert [b.shape[1] for b in blocks] == [32, 64, 128]
  # All but the dense layers is as at 64 pixels.
  dense = lambda side: sum(61 * 8 * (side // k)**2 for k in (8, 4))
  smaller = size(shapes(derived.Generator(64, 3, width=8))[2]['params'])
  assert size(variables['params']) - dense(128) == smaller - dense(64)
  assert [b.shape[1] for b in shapes(derived.Discriminator(
      128, 3, width=4))[1]] == [64, 32, 16, 8]


def filled(shapes, rng):
  return jax.tree.map(lambda p: rng.normal(0, .3, p.shape).astype(np.float32),
                      shapes)


def discrete(module, player, pools, tmp_path):
  """A super-network with the logits of a drawn genotype, the network derived
  from that genotype, and variables of both with the same kernels.

  Without spectral norms, which would take seconds to compile.

  pools: {field of the super-network: the operations that it offers}.
  """
  rng = np.random.default_rng(7)
  drawn = {'space': 'adversarial_nas',
           **{name: space.sample(rng, name, **pools if name == player else {})
              for name in ('generator', 'discriminator')}}
  genotypes.save(tmp_path / 'drawn.json', drawn)
  mixed = getattr(superior, module)(16, 3, width=4, relax=relax.gumbel,
                                    conv=conv.plain, **pools)
  single = getattr(derived, module)(16, 3, width=4,
                                    conv=conv.plain,
                                    genotype=str(tmp_path / 'drawn.json'))
  x, _, variables = shapes(mixed)
  variables = filled(variables, rng)
  if 'batch_stats' in variables:
    variables['batch_stats']['norm']['var'] = np.ones(4, np.float32)
  arch = space.one_hot(drawn[player], player, **pools)
  variables['arch'] = jax.tree.map(lambda a: 1e4 * a, arch)
  variables['schedule'] = {'temperature': np.float32(.1)}
  inputs = rng.normal(size=(2, *x.shape[1:])).astype(np.float32)
  same = {k: superior.derived(v, drawn, player, **pools)
          if k in ('params', 'spectral') else v for k, v in variables.items()}
  return mixed, variables, single, same, inputs


@pytest.mark.parametrize('module, pools', [
    ('Generator', {}), ('Discriminator', {}),
    ('Generator', {'up': AS_GAO,
                   'normal': ('skip', 'conv_1x1', 'dil_conv_3x3')}),
    ('Discriminator', {'normal': ('skip', 'conv_3x3'),
                       'down': ('avg_pool', 'conv_3x3')})])
def test_a_cold_super_network_is_the_derived_one(module, pools, tmp_path):
  """With all operations on offer, or those that `normal` and others name."""
  mixed, variables, single, same, x = discrete(module, module.lower(), pools,
                                               tmp_path)
  forward = jax.jit(lambda v, x, key: mixed.apply(
      v, x, False, rngs={'noise': key}))
  out = forward(variables, x, jax.random.key(0))
  expected = jax.jit(lambda v, x: single.apply(v, x, False))(same, x)
  assert np.std(expected) > 1e-3
  np.testing.assert_allclose(out, expected, rtol=1e-3, atol=1e-4)
  # Where the logits leave it open, every key mixes otherwise.
  variables['arch'] = jax.tree.map(np.zeros_like, variables['arch'])
  outs = [forward(variables, x, jax.random.key(i)) for i in (0, 0, 1)]
  np.testing.assert_array_equal(outs[0], outs[1])
  assert np.abs(outs[0] - outs[2]).max() > 1e-3


@pytest.mark.parametrize('module', ['Generator', 'Discriminator'])
def test_a_super_network_has_all_that_a_derived_one_has(module):
  _, _, single = shapes(getattr(derived, module)(32, 3, width=4))
  _, _, mixed = shapes(getattr(superior, module)(32, 3, width=4))
  mixed = jax.tree.map(lambda x: np.empty(x.shape, bool), mixed)
  named = {'Generator': 'mmd_nas', 'Discriminator': 'residual'}[module]
  for kind in {'params', 'spectral'} & {*single}:
    taken = superior.derived(mixed[kind], genotypes.load(named),
                             module.lower())
    assert jax.tree.all(jax.tree.map(lambda a, b: a.shape == b.shape,
                                     single[kind], taken))
  assert ('spectral' in single) == (module == 'Discriminator')


@pytest.mark.parametrize('module', ['Generator', 'Discriminator'])
def test_rematerialisation_keeps_the_variables_and_is_in_the_program(module):
  plain, remat = (getattr(superior, module)(32, 3, width=4, remat=remat)
                  for remat in (False, True))
  x, _, variables = shapes(plain)
  assert jax.tree.structure(variables) == jax.tree.structure(shapes(remat)[2])
  program = lambda model: str(jax.make_jaxpr(lambda v: model.apply(
      v, x, True, mutable=['spectral', 'batch_stats'],
      rngs={'noise': jax.random.key(0)}))(variables))
  assert 'remat' in program(remat) and 'remat' not in program(plain)


@pytest.mark.parametrize('model, words', [
    (derived.Generator(32, 3, latent=100), 'latent=100.*by 3'),
    (derived.Generator(128, 3, latent=121), 'latent=121.*by 2: at 128 pixels'),
    (derived.Generator(36, 3), 'size 36 .* multiples of 8'),
    (superior.Discriminator(40, 3), 'size 40 .* multiples of 16'),
    (derived.Discriminator(32, 3, genotype='mmd_nas'),
     "'mmd_nas' has no discriminator.*residual"),
    (derived.Generator(32, 3, genotype='mmd_nass'), "did you mean 'mmd_nas'"),
    (superior.Generator(32, 3, up=('nearest', 'linear')), "no operation 'lin"),
])
def test_what_cannot_be_built_is_refused(model, words):
  with pytest.raises(UserError, match=words):
    shapes(model)
