"""Path length: closed forms, finite differences, shards."""
import functools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import build
from jgan.errors import UserError
from jgan.forward import frozen
from jgan.models import mlp
from jgan.models.stylegan2 import Generator
from jgan.penalties import path_length as penalties
from jgan.penalties.path_length import path_length, path_lengths
from jgan.types import Play, View

B, LAYERS, D, SIZE, COLORS = 6, 3, 4, 5, 2
KEY = jax.random.key(0)


def normal(*shape, seed=0):
  return jnp.float32(np.random.default_rng(seed).normal(size=shape))


def linear(matrix):
  """Images [b, SIZE, SIZE, COLORS] that are linear in the styles."""
  return lambda w: (w.reshape(len(w), -1) @ matrix).reshape(
      -1, SIZE, SIZE, COLORS)


def curved(matrix):
  return lambda w: jnp.tanh(linear(matrix)(w))


@jax.jit
def noise():
  return jax.random.normal(KEY, (B, SIZE, SIZE, COLORS)) / SIZE


@functools.partial(jax.jit, static_argnums=0)
def lengths_of(synthesise, matrix, styles):
  return path_lengths(synthesise(matrix), styles, KEY)


MATRIX = .3 * normal(LAYERS * D, SIZE * SIZE * COLORS)
STYLES = normal(B, LAYERS, D, seed=1)


def test_of_a_linear_generator_it_is_the_length_of_the_projected_noise():
  slope = (np.asarray(noise()).reshape(B, -1) @ np.asarray(MATRIX).T).reshape(
      B, LAYERS, D)
  want = np.sqrt(np.mean(np.sum(np.square(slope), 2), 1))
  np.testing.assert_allclose(lengths_of(linear, MATRIX, STYLES), want,
                             rtol=1e-5)


def test_its_expected_square_is_the_jacobians():
  # E |J' y|^2 = tr(J J') / (h w), over the layers' mean.
  many = jnp.broadcast_to(STYLES[:1], (4000, LAYERS, D))
  square = jnp.mean(lengths_of(linear, MATRIX, many)**2)
  np.testing.assert_allclose(square, jnp.sum(MATRIX**2) / SIZE**2 / LAYERS,
                             rtol=.03)


def test_lengths_are_those_of_finite_differences():
  scalar = jax.jit(lambda w: jnp.sum(curved(MATRIX)(w) * noise(), (1, 2, 3)))
  step = 1e-2
  slope = np.stack([(scalar(STYLES + e) - scalar(STYLES - e)) / (2 * step)
                    for e in step * np.eye(LAYERS * D, dtype=np.float32)
                    .reshape(-1, LAYERS, D)], 1).reshape(B, LAYERS, D)
  want = np.sqrt(np.mean(np.sum(slope**2, 2), 1))
  np.testing.assert_allclose(lengths_of(curved, MATRIX, STYLES), want,
                             rtol=1e-3)


def test_the_slope_of_the_penalty_is_that_of_finite_differences():
  value = jax.jit(lambda m: path_length(curved(m), STYLES, KEY, .3,
                                        decay=.5)[0])
  slope = jax.jit(jax.grad(value))(MATRIX)
  way = slope / jnp.linalg.norm(slope)
  want = (value(MATRIX + 1e-2 * way) - value(MATRIX - 1e-2 * way)) / 2e-2
  np.testing.assert_allclose(jnp.vdot(slope, way), want, rtol=1e-2)


def test_the_mean_moves_first_and_the_penalty_is_the_distance_from_it():
  lengths = np.asarray(lengths_of(linear, MATRIX, STYLES))
  penalty, mean = jax.jit(lambda: path_length(
      linear(MATRIX), STYLES, KEY, .2, decay=.1))()
  np.testing.assert_allclose(mean, .2 + .1 * (lengths.mean() - .2), rtol=1e-5)
  np.testing.assert_allclose(penalty, np.mean((lengths - mean)**2), rtol=1e-4)


def test_a_generator_that_ignores_its_style_has_a_finite_slope():
  slope = jax.jit(jax.grad(lambda m: path_length(
      linear(m), STYLES, KEY, 0.)[0]))(0. * MATRIX)
  assert jnp.isfinite(slope).all()


def test_the_mean_over_shards_is_the_penalty_of_the_whole_batch():
  def graded(styles, axis_name=None):
    return jax.value_and_grad(lambda m: path_length(
        curved(m), styles, KEY, .3, decay=.5, axis_name=axis_name),
        has_aux=True)(MATRIX)

  (penalty, mean), slope = jax.jit(jax.vmap(
      lambda w: graded(w, 'd'), axis_name='d'))(STYLES.reshape(3, 2, LAYERS, D))
  (whole, whole_mean), whole_slope = jax.jit(graded)(STYLES)
  np.testing.assert_allclose(penalty.mean(), whole, rtol=1e-5)
  np.testing.assert_allclose(mean, np.full(3, whole_mean), rtol=1e-5)
  np.testing.assert_allclose(slope.mean(0), whole_slope, rtol=1e-4, atol=1e-6)


def test_a_part_of_the_batch_that_is_none_is_refused():
  with pytest.raises(UserError, match='4 per device .* by shrink=0'):
    penalties.generator(SimpleNamespace(z=normal(4, D)), shrink=0)


def test_it_takes_the_styles_of_stylegan2():
  model = Generator(8, 3, latent=4, width=2, depth=1)
  z = normal(2, 4)
  rng = np.random.default_rng(0)
  variables = jax.tree.map(
      lambda s: jnp.float32(rng.normal(size=s.shape)),
      dict(jax.eval_shape(lambda: model.init(KEY, z, True))))
  variables.pop('features')

  def penalty(params):
    apply = lambda x, method: model.apply(
        {**variables, 'params': params}, x, True, rngs={'noise': KEY},
        method=method)
    styles = apply(z, 'styles')
    return path_length(lambda w: apply(w, 'synthesise'), styles, KEY, 0.)[0]

  value, slope = jax.jit(jax.value_and_grad(penalty))(variables['params'])
  assert value > 0.
  moved = jax.tree.map(lambda x: bool(jnp.any(x != 0.)), slope)
  # A constant added to the image, or to a map of noise, moves no style.
  assert moved['mapping']['dense_0']['kernel']
  assert moved['block_1']['conv_0']['conv']['kernel']
  assert not moved['block_1']['to_rgb']['bias']


def lazy_play(step=0, axis_name=None, styles=STYLES):
  def gen(x, method):
    return x if method == 'styles' else curved(MATRIX)(x)
  return Play(None, View(None, None), None, gen, styles, KEY, jnp.int32(step),
              axis_name)


def test_the_penalty_acts_at_every_fourth_step_on_half_of_the_batch():
  act = jax.jit(lambda step: penalties.generator(
      lazy_play(step), mean=.3, weight=3., decay=.5))
  value, held = act(4)
  want, mean = path_length(curved(MATRIX), STYLES[::2], KEY, .3, decay=.5)
  np.testing.assert_allclose(value, 12. * want, rtol=1e-4)
  np.testing.assert_allclose(held['mean'], mean, rtol=1e-5)
  assert act(5) == (0., {'mean': jnp.float32(.3)})


@pytest.mark.long
def test_a_run_remembers_the_mean(tiny):
  tiny.batch, tiny.data.size = 4, 8
  tiny.generator = {'name': 'stylegan2', 'latent': 4, 'width': 2, 'most': 2,
                    'depth': 1, 'mixing': 0.}
  tiny.discriminator = {'name': 'stylegan2', 'width': 2, 'most': 2}
  tiny.penalties = ({'name': 'path_length', 'every': 1, 'decay': .5},)
  method = build.method(tiny)
  batch = {'image': np.zeros((1, 4, 8, 8, 1), np.uint8)}
  state = jax.jit(method.init)(KEY, batch)
  assert state.extra['penalties'] == {'path_length': {'mean': 0.}}
  after, metrics = jax.jit(method.step)(state, batch, KEY)
  mean = after.extra['penalties']['path_length']['mean']
  assert mean > 0. and metrics['gen/path_length/mean'] == mean
  assert jax.tree.structure(after) == jax.tree.structure(state)


def test_an_odd_batch_is_refused():
  with pytest.raises(UserError, match='batch of 3 per device'):
    penalties.generator(lazy_play(styles=STYLES[:3]))


def test_of_a_generator_without_styles_it_is_refused():
  gen = frozen(mlp.Generator(size=1, colors=2, latent=2), {}, {}, KEY)
  play = Play(None, View(None, None), None, gen, normal(4, 2), KEY, 0)
  with pytest.raises(UserError, match="'mlp' has no method 'styles'"):
    penalties.generator(play, mean=0.)
