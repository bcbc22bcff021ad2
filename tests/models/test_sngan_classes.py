"""SNGAN with classes: the networks of pfnet-research/sngan_projection."""
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.compress import channels
from jgan.errors import UserError
from jgan.layers import act, classes, conv, dense, initializer, norm
from jgan.models import sngan
from jgan.ops.octave import Octave

K, B = 4, 4
RNG = np.random.default_rng(0)
LABELS = np.array([2, 0, 2, 3])
Z = RNG.normal(size=(B, 128)).astype(np.float32)
GEN = sngan.Generator(32, 3, width=4, classes=K)
DISC = sngan.Discriminator(32, 3, width=3, classes=K)


def described(model, b=B, labels=LABELS):
  """The shapes of a network's variables."""
  x = jnp.zeros((b, model.latent) if hasattr(model, 'latent') else
                (b, model.size, model.size, model.colors))
  variables = dict(jax.eval_shape(
      lambda key: model.init(key, x, True, labels), jax.random.key(0)))
  variables.pop('features')
  return variables


def filled(model):
  """Numbers in the place of jit(init); variances are positive."""
  draw = lambda x: RNG.normal(0, .3, x.shape).astype(np.float32)
  return {name: jax.tree.map(draw if name == 'params' else
                             lambda x: abs(draw(x)) + .5, part)
          for name, part in described(model).items()}


@functools.cache
def images():
  """(variables, z, labels) -> images in evaluation, compiled once."""
  return jax.jit(lambda v, z, labels: GEN.apply(v, z, False, labels))


@pytest.mark.parametrize('size, count, gen, disc', [
    (32, 10, 4_304_387, 1_055_104),
    # Two tables for each channel of two norms a block; one number a feature.
    (64, 10, 12_220_675 + 9 * 2 * 2880, 10_141_441 + 10 * 1024)])
def test_classes_add_their_tables_and_embeddings(size, count, gen, disc):
  label = np.zeros(1, int)
  for model, want in ((sngan.Generator, gen), (sngan.Discriminator, disc)):
    params = described(model(size, 3, classes=count), 1, label)['params']
    assert sum(math.prod(p.shape) for p in jax.tree.leaves(params)) == want


def test_a_logit_is_the_plain_one_and_the_projection_on_the_class():
  model = DISC.clone(dense=dense.plain, conv=conv.plain, act=lambda x: x)
  params = jax.tree.map(lambda x: np.zeros(x.shape, np.float32),
                        described(model)['params'])
  # The features are sums over 8 x 8 pixels.
  params['block_3']['conv_1']['bias'] = np.float32([1, 2, -1]) / 64
  params['linear']['kernel'] = np.float32([[.5], [-.25], [1]])
  params['embed']['kernel'][3] = .1, .2, .3
  logits = jax.jit(model.apply, static_argnums=2)(
      {'params': params}, np.zeros((B, 32, 32, 3)), False, LABELS)
  np.testing.assert_allclose(logits, [-1, -1, -1, -.8], rtol=1e-6)


def test_embeddings_are_normalised_as_one_matrix():
  spectral = described(DISC)['spectral']['embed']['SpectralNorm_0']
  assert (spectral['u'].shape, spectral['v'].shape) == ((3,), (K,))


def test_an_image_is_that_of_the_plain_network_with_the_class_s_norms():
  variables = filled(GEN)
  plain = GEN.clone(classes=0)

  def of_class(path, x):
    table = x.ndim == 2 and path[-1].key in ('scale', 'bias')
    return x[1] if table else x

  alone = {**variables, 'params': jax.tree_util.tree_map_with_path(
      of_class, variables['params'])}
  assert jax.tree.map(np.shape, alone) == jax.tree.map(
      lambda x: x.shape, described(plain, labels=None))
  want = jax.jit(lambda v, z: plain.apply(v, z, False))(alone, Z)
  make = images()
  np.testing.assert_allclose(make(variables, Z, np.full(B, 1)), want,
                             rtol=1e-4, atol=1e-5)
  mixed = make(variables, Z, np.array([1, 0, 1, 2]))
  np.testing.assert_allclose(mixed[::2], want[::2], rtol=1e-4, atol=1e-5)
  assert np.abs(mixed[1::2] - want[1::2]).max((1, 2, 3)).min() > .01
  assert make._cache_size() == 1


@pytest.mark.parametrize('model', [GEN, DISC], ids=['G', 'D'])
def test_gradients_reach_the_classes_that_are_there(model):
  variables = filled(model)
  x = Z if model is GEN else RNG.normal(size=(B, 32, 32, 3)).astype(np.float32)

  def loss(params):
    out, _ = model.apply({**variables, 'params': params}, x, True, LABELS,
                         mutable=['batch_stats', 'spectral', 'features'])
    return jnp.sin(out).sum()

  slope = jax.jit(jax.grad(loss))(variables['params'])
  used = np.isin(np.arange(K), LABELS)
  if model is DISC:  # the norm of the matrix of embeddings is that of all
    assert np.any(slope['embed']['kernel'], 1).all()
    return
  for i in range(3):
    for name in ('norm_0', 'norm_1'):
      for table in slope[f'block_{i}'][name].values():
        np.testing.assert_array_equal(np.any(table, 1), used)
  assert slope['norm']['scale'].shape == (4,)  # of all classes


def test_a_block_of_octaves_learns_classes_in_both_maps_in_bfloat16():
  normalise = classes.normalisation(norm.batch, K, LABELS, dtype=jnp.bfloat16)
  block = sngan.UpBlock(4, 4, functools.partial(conv.octave,
                                                dtype=jnp.bfloat16),
                        normalise, act.leaky_relu, initializer.xavier)
  x = Octave(*(RNG.normal(size=(B, s, s, 2)).astype(np.float32)
               for s in (4, 2)))
  variables = jax.jit(lambda key: block.init(key, x, True))(jax.random.key(0))

  def loss(params):
    y, _ = block.apply({**variables, 'params': params}, x, True,
                       mutable=['batch_stats'])
    assert y.high.dtype == y.low.dtype == jnp.bfloat16
    return sum(jnp.sin(part.astype(jnp.float32)).sum()
               for part in (y.high, y.low))

  slope = jax.jit(jax.grad(loss))(variables['params'])
  used = np.isin(np.arange(K), LABELS)
  for name in ('norm_0', 'norm_1'):
    for part in ('high', 'low'):
      for table in slope[name][part].values():
        np.testing.assert_array_equal(np.any(table, 1), used)


@pytest.mark.parametrize('model, kind', [
    (GEN, conv.octave), (DISC, conv.octave_spectral)], ids=['G', 'D'])
def test_networks_of_octaves_have_the_parameters_of_the_plain_ones(model, kind):
  octaves, plain = (described(model.clone(
      conv=conv_, dtype=jnp.bfloat16))['params'] for conv_ in (
          kind, model.conv))
  count = lambda tree: sum(math.prod(x.shape) for x in jax.tree.leaves(tree))
  assert count(octaves) == count(plain)


def test_channels_can_be_taken_out_of_a_generator_of_classes():
  groups = channels.groups(GEN)
  masks = [np.array([True, False, True, True])] * len(groups)
  variables = filled(GEN)
  smaller = channels.narrow(variables, groups, masks)
  model = GEN.clone(hidden=(3, 3, 3))
  assert jax.tree.map(np.shape, smaller) == jax.tree.map(
      lambda x: x.shape, described(model))


@pytest.mark.parametrize('model, labels, words', [
    (GEN, None, 'sngan: classes=4, and no labels are given'),
    (DISC, None, 'sngan: classes=4, and no labels are given'),
    (GEN.clone(classes=0), LABELS, 'classes=0, and labels are given'),
    (GEN.clone(classes=0, spread=.02), None, 'spread=0.02 is of the scales'),
    (DISC.clone(classes=0), LABELS, 'classes=0, and labels are given'),
    (DISC.clone(outputs=2), LABELS, '2 outputs and 4 classes')])
def test_labels_and_classes_that_do_not_agree_are_refused(model, labels, words):
  with pytest.raises(UserError, match=words):
    described(model, labels=labels)
