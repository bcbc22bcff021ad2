"""Scores in training, sampling, and the noise they use."""
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import build, evaluation, sample
from jgan import config as configs
from jgan.types import Network


def test_image_i_does_not_depend_on_how_many_are_made():
  draw = lambda net, z: jnp.tanh(z).reshape(-1, 2, 2, 1) * net
  few = evaluation.fakes(draw, 1., 5, 4, 4, seed=0)
  many = evaluation.fakes(draw, 1., 11, 4, 4, seed=0)
  assert few.shape == (5, 2, 2, 1) and few.dtype == np.uint8
  np.testing.assert_array_equal(few, many[:5])
  assert (evaluation.fakes(draw, 1., 5, 4, 4, seed=1) != few).any()


def test_reals_are_drawn_once_each_and_by_seed():
  source = np.arange(20, dtype=np.uint8).reshape(20, 1, 1, 1)
  some = evaluation.reals(source, 7, seed=3).ravel()
  assert len(set(some)) == 7
  np.testing.assert_array_equal(some,
                                evaluation.reals(source, 7, seed=3).ravel())
  assert len(evaluation.reals(source, 99, seed=0)) == 20


def test_a_generator_of_the_real_images_scores_better_than_noise(tiny):
  tiny.eval.update({'metrics': ('fd_pixels',), 'samples': 200, 'every': 1})
  c = configs.complete(tiny)
  source = build.source(c, '')
  method = build.method(c)
  copies = jnp.asarray(source[:100]) / 127.5 - 1.
  noise = jax.random.uniform(jax.random.key(0), copies.shape, minval=-1.)
  honest, random = (evaluation.scorer(
      c, method._replace(sample=lambda net, z, x=x: x[:len(z)]), source)(
          Network({}, {}))['eval/fd_pixels'] for x in (copies, noise))
  assert honest < 10. < random


def test_interpolation_runs_between_normal_draws_at_their_length():
  z = np.asarray(sample.interpolation(0, 3, 5, 64)).reshape(3, 5, 64)
  assert (z[0, 0] != z[1, 0]).all()
  lengths = np.linalg.norm(z, axis=-1)
  assert lengths.min() > .8 * 8 and lengths.max() < 1.25 * 8
  steps = np.linalg.norm(np.diff(z, axis=1), axis=-1)
  np.testing.assert_allclose(steps, steps.mean(1, keepdims=True) * np.ones(4),
                             rtol=.2)


@pytest.mark.parametrize('count', [1, 4])
def test_reals_of_a_lazy_source_are_read_one_by_one(count):

  class Lazy:
    shape, dtype = (4, 1, 1, 1), np.dtype(np.uint8)

    def __len__(self):
      return 4

    def __getitem__(self, i):
      return np.full((1, 1, 1), i, np.uint8)

  assert evaluation.reals(Lazy(), count, 0).shape == (count, 1, 1, 1)
