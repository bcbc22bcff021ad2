"""Programs in widely known operations compute what they are made from."""
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend import core

from jgan import portable
from jgan.errors import UserError
from jgan.layers import latent_noise
from jgan.ops import conv, depthwise

# Operations for which jax2onnx has no plugin, or none that is right.
UNKNOWN = {'convolve', 'convolve_input', 'depthwise', 'random_bits', 'jit',
           'random_fold_in', 'random_seed', 'random_wrap', 'random_unwrap',
           'erf_inv', 'pad', 'logistic', 'platform_index', 'cond', 'pjit',
           'custom_jvp_call', 'remat2', 'checkpoint', 'threefry2x32'}


def restated(function, *arguments):
  """(outputs of the restated program, names of its operations)."""
  program = portable.restated(function, *(
      jax.ShapeDtypeStruct(x.shape, x.dtype) for x in arguments))
  return (core.jaxpr_as_fun(program)(*arguments),
          {eqn.primitive.name for eqn in program.eqns})


def normal(*shape):
  return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize('shape', [(), (5,), (2, 3, 1)])
def test_random_numbers_are_the_same_bits(shape):
  def bits(z):
    keys = jax.vmap(lambda key: jax.random.fold_in(key, 7))(
        latent_noise.keys(z))
    return jax.vmap(lambda key: jax.random.bits(key, shape))(keys)

  z = normal(3, 4)
  (got,), names = restated(bits, z)
  np.testing.assert_array_equal(got, bits(z))
  assert not names & UNKNOWN


def test_normal_numbers_are_those_of_jax():
  draw = lambda z: latent_noise.draw(latent_noise.keys(z), 3, (50, 50, 1))
  z = normal(4, 6)
  (got,), names = restated(draw, z)
  np.testing.assert_allclose(got, draw(z), atol=2e-6)
  assert not names & UNKNOWN


def test_erf_inv_has_scipys_values():
  from scipy import special
  x = np.concatenate([np.linspace(-.999999, .999999, 1001),
                      [0., 1e-6]]).astype(np.float32)
  np.testing.assert_allclose(portable._erf_inv(x), special.erfinv(
      x.astype(np.float64)), rtol=2e-4)


def test_convolutions_are_xlas_with_the_usual_axes():
  window = conv.Window(stride=(2, 2), padding=((1, 1), (0, 1)))
  x, kernel = normal(2, 8, 8, 3), normal(3, 3, 3, 5)

  def network(x):
    y = conv.convolve(x, kernel, window)
    y = conv.transpose(y, kernel, window, (8, 8))
    return depthwise.convolve(y, normal(3, 3, 1, 3))

  (got,), names = restated(network, x)
  np.testing.assert_allclose(got, network(x), atol=1e-4)
  assert 'conv_general_dilated' in names and not names & UNKNOWN
  program = portable.restated(network, jax.ShapeDtypeStruct(x.shape, x.dtype))
  for eqn in program.eqns:
    if eqn.primitive.name == 'conv_general_dilated':
      axes = eqn.params['dimension_numbers']
      assert axes == ((0, 3, 1, 2), (3, 2, 0, 1), (0, 3, 1, 2))


@pytest.mark.parametrize('edges', [
    [(0, 0, 0), (1, 2, 0)], [(0, 0, 0), (-1, 2, 0)], [(1, 0, 0), (2, -1, 1)],
    [(0, 1, 2), (-3, 1, 2)]])
def test_padding_is_that_of_xla(edges):
  x = normal(2, 4)
  pad = lambda x: jax.lax.pad(x, jnp.float32(.5), edges)
  (got,), names = restated(pad, x)
  np.testing.assert_array_equal(got, pad(x))
  assert not names & UNKNOWN


def test_what_has_no_elements_or_is_not_used_is_left_out():
  def function(x):
    jnp.sin(x)
    return jnp.pad(jax.nn.swish(x), ((0, 0), (0, 1)), mode='edge')

  x = normal(2, 4)
  (got,), names = restated(jax.checkpoint(function), x)
  np.testing.assert_allclose(got, function(x), atol=1e-6)
  assert 'sin' not in names and not names & UNKNOWN
  program = portable.restated(function, jax.ShapeDtypeStruct(x.shape, x.dtype))
  assert all(0 not in v.aval.shape for e in program.eqns for v in e.outvars)


def test_a_choice_by_platform_is_the_general_one():
  function = lambda x: jax.lax.platform_dependent(
      x, cpu=lambda x: x + 1., default=lambda x: x + 2.)
  (got,), names = restated(function, normal(3))
  np.testing.assert_array_equal(got, normal(3) + 2.)
  assert not names & UNKNOWN


def test_what_cannot_be_restated_is_said():
  with pytest.raises(UserError, match="no restatement of 'random_split' of"):
    restated(lambda z: jax.random.key_data(jax.vmap(jax.random.split)(
        latent_noise.keys(z))), normal(2, 3))
