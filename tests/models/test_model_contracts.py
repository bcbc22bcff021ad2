"""What every file of jgan/models must keep, whoever wrote it."""
import dataclasses
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import config as configs
from jgan import lookup, sections
from jgan.errors import UserError
from jgan.ops import flops

PLAYERS = [(name, player) for name in lookup.names('models')
           for player in ('Generator', 'Discriminator')]
SUMMED = {'reduce_sum', 'rsqrt', 'sqrt', 'exp', 'log', 'pow', 'square',
          'integer_pow', 'cumsum', 'argmax'}
UNBOUNDED = {'r3gan'}  # whose paper has no tanh; points are not bounded either
BUILT = ('parent', 'name', 'size', 'colors', 'dtype', 'axis_name')


def build(name, player, **fields):
  """The narrowest network of the smallest size the architecture takes."""
  module = getattr(lookup.find('models', name), player)
  if 'width' in {f.name for f in dataclasses.fields(module)}:
    fields.setdefault('width', 4)
  for size in (1, 2**4, 2**5, 48, 2**6, 2**7, 2**8):
    model = module(size=size, colors=2 if size == 1 else 3, **fields)
    try:
      return model, shapes(model)
    except UserError:
      continue
  raise AssertionError(f'{name} takes none of the usual sizes')


def inputs(model, b=2):
  width = getattr(model, 'latent', None)
  return jax.ShapeDtypeStruct(
      (b, width) if width else (b, model.size, model.size, model.colors),
      jnp.float32)


def shapes(model):
  variables = dict(jax.eval_shape(lambda k, x: model.init(k, x, True),
                                  jax.random.key(0), inputs(model)))
  variables.pop('features', None)
  return variables


def filled(tree):
  """Numbers in the place of shapes: jit(init) would cost seconds."""
  rng = np.random.default_rng(4)
  draw = lambda x: rng.normal(0, .2, x.shape).astype(x.dtype)
  return {name: jax.tree.map(draw if name == 'params' else
                             lambda x: abs(draw(x)) + .1, part)
          for name, part in tree.items()}


def images_of(model):
  return (2, model.size, model.size, model.colors)


def rounded(jaxpr):
  """The sums, roots and powers of bfloat16 in it: no network has any.

  Statistics, norms, demodulation, softmaxes and means are float32.
  """
  found = []
  for eqn in jaxpr.eqns:
    for inner in flops.jaxprs([*eqn.params.values()]):
      found += rounded(inner)
    if eqn.primitive.name in SUMMED and any(
        v.aval.dtype == jnp.bfloat16 for v in eqn.invars):
      found.append(eqn.primitive.name)
  return found


@pytest.mark.parametrize('name, player', PLAYERS)
def test_outputs_and_features_have_their_shapes(name, player):
  for dtype in (jnp.float32, jnp.bfloat16):
    model, variables = build(name, player, dtype=dtype)
    learnt = {k: v for k, v in variables.items() if k != 'schedule'}
    assert {p.dtype for p in jax.tree.leaves(learnt)} == {
        jnp.dtype('float32')}
    program, (out, changed) = jax.make_jaxpr(
        lambda v, x, m=model: m.apply(v, x, True, mutable=[*v, 'features']),
        return_shape=True)(variables, inputs(model))
    assert out.dtype == jnp.float32
    assert not rounded(program.jaxpr)
    expected = images_of(model) if player == 'Generator' else (2,)
    assert out.shape == expected
    blocks = changed['features']['blocks']
    assert blocks and all(h.ndim == 4 and h.shape[0] == 2 for h in blocks)


@pytest.mark.parametrize('player', ['Generator', 'Discriminator'])
@pytest.mark.parametrize('name', ['fastgan', 'stylegan2'])
def test_remat_keeps_the_variables_and_is_in_the_program(name, player):
  def program(model, variables):
    return str(jax.make_jaxpr(lambda v, x: model.apply(
        v, x, True, mutable=[*v]))(variables, inputs(model)))

  (plain, variables), (again, others) = (
      build(name, player, remat=remat) for remat in (False, True))
  assert jax.tree.structure(variables) == jax.tree.structure(others)
  assert 'remat' in program(again, variables)
  assert 'remat' not in program(plain, variables)


@pytest.mark.parametrize('name, player', PLAYERS)
def test_a_compiled_forward_is_finite_and_in_range(name, player):
  model, variables = build(name, player, dtype=jnp.bfloat16)
  x = np.random.default_rng(1).normal(size=inputs(model).shape)
  out, changed = jax.jit(
      lambda v, x: model.apply(v, x, True, mutable=[*v]))(
          filled(variables), x.astype(np.float32))
  assert np.isfinite(out).all() and np.std(out) > 0
  assert all(np.isfinite(s).all() for s in jax.tree.leaves(changed))
  if player == 'Generator' and model.size > 1 and name not in UNBOUNDED:
    assert np.abs(out).max() <= 1


@pytest.mark.parametrize('name, player', PLAYERS)
def test_evaluation_changes_nothing_and_binds_no_axis(name, player):
  model, variables = build(name, player, axis_name='devices')
  out = jax.eval_shape(lambda v, x: model.apply(v, x, False), variables,
                       inputs(model))
  assert out.dtype == jnp.float32


@pytest.mark.parametrize('name', lookup.names('models'))
def test_a_discriminator_gives_as_many_outputs_as_asked(name):
  model, variables = build(name, 'Discriminator', outputs=5)
  out = jax.eval_shape(lambda v, x: model.apply(v, x, False), variables,
                       inputs(model))
  assert out.shape == (2, 5)


@pytest.mark.parametrize('name, player', PLAYERS)
def test_a_size_it_cannot_make_is_refused_by_name(name, player):
  model, _ = build(name, player)
  with pytest.raises(UserError, match=rf'7\D.*\b{model.size}\b'):
    shapes(model.clone(size=7))


@pytest.mark.parametrize('name, player', PLAYERS)
def test_every_field_has_a_default_that_a_config_can_hold(name, player):
  module = getattr(lookup.find('models', name), player)
  for field in dataclasses.fields(module):
    if field.name in BUILT:
      continue
    if callable(field.default):
      parts = importlib.import_module(f'jgan.layers.{field.name}')
      assert any(getattr(parts, n) is field.default for n in parts.__all__)
    else:
      assert isinstance(field.default, (int, float, str, bool, tuple))


@pytest.mark.parametrize('name, player', PLAYERS)
def test_numbers_that_no_network_can_have_are_refused(name, player):
  """Of every int and float field, in its own words, before anything is made."""
  c, role = configs.base(), player.lower()
  least = sections.smallest(role, name)
  assert player == 'Discriminator' or least['latent'] == 1
  wrong = {**{field: (low - 1, -5, 2**31) for field, low in least.items()},
           **{field: (float('nan'), float('-inf'))
              for field, value in sections.arguments(
                  role, 'models', name).items() if isinstance(value, float)}}
  for field, values in wrong.items():
    for value in values:
      c[role] = {'name': name, field: value}
      with pytest.raises(UserError, match=rf'config.{role}.{field} is {value}'):
        configs.complete(c)
