"""Files of jgan/operations: what each must keep, and a new one in networks."""
import functools
import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import genotype as genotypes
from jgan import lookup
from jgan import space as spaces
from jgan.errors import UserError
from jgan.layers import act, conv, norm, relax
from jgan.layers.mixed import Mixed, MixedDouble, MixedUp, Operation
from jgan.models import (
    adversarial_nas,
    adversarial_nas_super,
    alphagan_super,
)

RNG = np.random.default_rng(0)
SCALE = {'keeps': 1, 'halves': .5, 'doubles': 2}


# As files of jgan/operations would have it.
GATED = """
import jax
PLACES = ('keeps', 'halves')
def apply(x, features, *, conv, act, stride):
  h = act(x)
  gate = conv(features, kernel=1, stride=stride, name='gate')(h)
  return jax.nn.sigmoid(gate) * conv(features, stride=stride, name='conv')(h)
"""
GROWN = """
from jgan.layers.resize import upsample
PLACES = ('doubles',)
def apply(x, features, *, conv, norm, act, train):
  x = norm(name='norm')(conv(features, kernel=1, name='conv')(act(x)), train)
  return upsample(x)
"""


@pytest.fixture
def added(monkeypatch):
  """Two new operations, 'gated' and 'grown'."""
  names = lookup.names
  fresh = {'gated': GATED, 'grown': GROWN}
  for name, source in fresh.items():
    module = types.ModuleType(f'jgan.operations.{name}')
    exec(source, module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
  monkeypatch.setattr(lookup, 'names', lambda kind: (
      sorted([*names(kind), *fresh]) if kind == 'operations'
      else names(kind)))


def shapes(model):
  x = jnp.zeros((1, model.latent) if hasattr(model, 'latent') else
                (1, model.size, model.size, model.colors))
  found = dict(jax.eval_shape(lambda k: model.init(k, x, True),
                              jax.random.key(0)))
  found.pop('features')
  return x, found


@pytest.mark.parametrize('name', lookup.names('operations'))
def test_an_operation_does_what_it_says_to_the_size(name):
  for place in lookup.find('operations', name).PLACES:
    layer = Operation(name, 6, conv.plain, norm.batch, act.relu,
                      2 if place == 'halves' else 1)
    x = jnp.zeros((2, 8, 8, 4))
    out, _ = jax.eval_shape(lambda k, layer=layer, x=x: layer.init_with_output(
        k, x, True), jax.random.key(0))
    side = int(8 * SCALE[place])
    assert out.shape == (2, side, side, 6)


def test_an_operation_activates_first_and_is_under_its_name(added):
  x = RNG.normal(size=(2, 4, 4, 3)).astype(np.float32)
  for edge in (Mixed(('gated',), 3, conv.plain, act.relu),
               Mixed(('gated', 'none'), 3, conv.plain, act.relu),
               MixedUp(('grown',), 3, conv.plain, act.relu),
               MixedDouble(('grown',), 3, conv.plain)):
    weights = np.array([2., 0.], np.float32) if len(edge.ops) == 2 else None
    out, variables = edge.init_with_output(jax.random.key(0), x, weights)
    assert set(variables['params']) == {edge.ops[0]}
    assert 'conv' in variables['params'][edge.ops[0]]
    np.testing.assert_allclose(out, edge.apply(
        variables, np.maximum(x, 0.), weights), rtol=1e-6)


def test_a_map_is_doubled_twice_with_the_same_weights(added):
  x = RNG.normal(size=(2, 4, 4, 3)).astype(np.float32)
  twice = MixedDouble(('grown',), 3, conv.plain, times=2)
  once = twice.clone(times=1)
  out, variables = twice.init_with_output(jax.random.key(0), x)
  np.testing.assert_allclose(
      out, once.apply(variables, once.apply(variables, x)), rtol=1e-5,
      atol=1e-6)


@pytest.mark.parametrize('name, edges', [
    ('alphagan_s', {'n_12': 'gated', 'up_01': 'grown'}),
    ('mmd_nas', {'c1': 'gated', 'up0': 'grown'})])
def test_genotypes_of_both_spaces_may_hold_new_operations(added, name, edges):
  genotype = genotypes.load(name)
  genotype['generator'][1].update(edges)
  genotypes.check(genotype)
  space = spaces.find(genotype['space'])
  assert set(space.families()['other']) >= {'gated', 'grown'}
  cells = space.cells('generator', normal=('conv_3x3', 'gated'))
  assert ('conv_3x3', 'gated') in {edge.ops for edge in cells[0].values()}


def test_an_operation_stands_only_where_it_fits(added):
  genotype = genotypes.load('mmd_nas')
  genotype['generator'][1]['c1'] = 'grown'
  with pytest.raises(UserError, match="edge c1: no operation 'grown'"):
    genotypes.check(genotype)
  with pytest.raises(UserError, match="normal=.*no operation 'grown'"):
    spaces.find('alphagan').cells('generator', normal=('grown',))
  with pytest.raises(UserError, match="up=.*no operation 'gated'"):
    spaces.find('alphagan').cells('generator', up=('gated',))


@pytest.mark.parametrize('module, pools', [
    ('Generator', {'normal': ('skip', 'conv_3x3', 'gated', 'sep_conv_3x3'),
                   'up': ('nearest', 'grown', 'conv_transpose')}),
    ('Generator', {'normal': ('skip', 'gated'), 'up': ('grown',)}),
    ('Discriminator', {'normal': ('skip', 'conv_3x3', 'gated'),
                       'down': ('avg_pool', 'gated')}),
    ('Discriminator', {'normal': ('gated',), 'down': ('conv_3x3',)})])
def test_a_cold_super_network_with_them_is_the_derived_one(
    added, tmp_path, module, pools):
  """AdversarialNAS's, whose kernels are stacked; with narrow pools too."""
  player, rng = module.lower(), np.random.default_rng(5)
  space = spaces.find('adversarial_nas')
  drawn = genotypes.load('residual')
  drawn[player] = space.sample(rng, player, **pools)
  assert any('gated' in cell.values() for cell in drawn[player])
  genotypes.save(tmp_path / 'drawn.json', drawn)
  fields = {'width': 4, 'conv': conv.plain}
  mixed = getattr(adversarial_nas_super, module)(
      32, 3, relax=relax.gumbel, **fields, **pools)
  single = getattr(adversarial_nas, module)(
      32, 3, genotype=str(tmp_path / 'drawn.json'), **fields)
  x, variables = shapes(mixed)
  draw = lambda p: rng.normal(0, .3, p.shape).astype(np.float32)
  ones = lambda p: np.ones(p.shape, np.float32)
  arch = space.one_hot(drawn[player], player, **pools)
  own = {'params': jax.tree.map(draw, variables['params'])}
  mixed_variables = {
      **jax.tree.map(ones, variables), **own,
      'arch': jax.tree.map(lambda a: 1e4 * a, arch),
      'schedule': {'temperature': np.float32(.1)}}
  derived = {'params': adversarial_nas_super.derived(
      own['params'], drawn, player, **pools)}
  wanted = shapes(single)[1]
  assert jax.tree.map(np.shape, derived['params']) == jax.tree.map(
      np.shape, dict(wanted['params']))
  x = rng.normal(size=(2, *x.shape[1:])).astype(np.float32)
  run = lambda model, v: jax.jit(functools.partial(
      model.apply, train=False))(v, x)
  out = run(mixed, mixed_variables)
  assert np.std(out) > 1e-4
  np.testing.assert_allclose(
      out, run(single, jax.tree.map(ones, wanted) | derived), rtol=1e-3,
      atol=1e-4)


def test_alphagans_super_network_takes_them(added):
  model = alphagan_super.Generator(
      32, 3, width=4, latent=4, normal=('conv_3x3', 'gated'),
      up=('nearest', 'grown'))
  params = shapes(model)[1]['params']
  assert set(params['cell_1']['n_12']) == {'conv_3x3', 'gated'}
  assert set(params['cell_3']['skip_1']) == {'grown'}
