"""StyleGAN2 with classes, against the formulas of NVlabs/stylegan2-ada-pytorch
in numpy.
"""
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.errors import UserError
from jgan.models import stylegan2

K, B, SIZE, LATENT = 3, 4, 8, 5
LABELS = np.array([2, 0, 2, 0])
GEN = stylegan2.Generator(SIZE, 3, latent=LATENT, width=2, most=3, depth=2,
                          classes=K)
DISC = stylegan2.Discriminator(SIZE, 3, width=2, most=3, classes=K)


def normal(*shape, seed=0):
  return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


Z, X = normal(B, LATENT), normal(B, SIZE, SIZE, 3)


def described(model, x, labels=LABELS):
  """The shapes of a network's variables."""
  variables = dict(jax.eval_shape(
      lambda key: model.init(key, x, True, labels), jax.random.key(0)))
  variables.pop('features')
  return variables


@functools.cache
def filled(model):
  """Numbers in the place of jit(init)."""
  rng = np.random.default_rng(1)

  def draw(path, s):
    path = jax.tree_util.keystr(path)
    rate = 100 if 'mapping' in path and 'dense' in path else 1
    return rate * rng.normal(size=s.shape).astype(np.float32)

  x = Z if model is GEN else X
  return jax.tree_util.tree_map_with_path(draw, described(model, x))


def count(tree):
  return sum(math.prod(x.shape) for x in jax.tree.leaves(tree))


def mapped(w, depth, label, z=None):
  """The published mapping of one label, with a latent or alone."""
  second = lambda x: x / np.sqrt(np.mean(np.square(x)) + 1e-8)
  one_hot = np.eye(K)[label]
  y = second(one_hot @ w['embed']['kernel'] / np.sqrt(K) + w['embed']['bias'])
  x = y if z is None else np.concatenate([second(z), y])
  for i in range(depth):
    kernel, bias = w[f'dense_{i}']['kernel'], w[f'dense_{i}']['bias']
    x = x @ kernel * (.01 / np.sqrt(len(x))) + .01 * bias
    x = math.sqrt(2) * np.where(x > 0, x, .2 * x)
  return x


def test_a_style_is_the_mapping_of_the_latent_and_the_class():
  variables = filled(GEN)
  weights = variables['params']['mapping']
  assert weights['dense_0']['kernel'].shape == (2 * LATENT, LATENT)
  styles = jax.jit(lambda v: GEN.apply(v, Z, True, LABELS, method='styles'))(
      variables)
  for style, label, z in zip(styles, LABELS, Z):
    want = mapped(weights, 2, label, z)
    np.testing.assert_allclose(style, np.broadcast_to(want, style.shape),
                               rtol=1e-4, atol=1e-5)


def test_a_logit_is_the_product_of_features_and_the_mapping_of_the_class():
  variables = filled(DISC)
  params = dict(variables['params'])
  mapping = params.pop('mapping')
  plain = DISC.clone(classes=0, outputs=3)
  logits, features = jax.jit(lambda v, rest: (
      DISC.apply(v, X, True, LABELS), plain.apply(rest, X, True)))(
          variables, {'params': params})
  want = [out @ mapped(mapping, 8, label) / math.sqrt(3)
          for out, label in zip(features, LABELS)]
  np.testing.assert_allclose(logits, want, rtol=1e-4)


def test_the_networks_of_cifar_10_have_the_parameters_of_the_layers_published():
  """A matrix in n and out o with biases has no + o numbers."""
  layer = lambda n, o: n * o + o
  label = np.zeros(1, int)
  gen = stylegan2.Generator(32, 3, depth=2, classes=10)
  convs = 7 * (layer(9 * 512, 512) + layer(512, 512) + 1)
  to_rgb = 4 * (layer(512, 3) + layer(512, 512))
  mapping = layer(10, 512) + layer(1024, 512) + layer(512, 512)
  assert count(described(gen, jnp.zeros((1, 512)), label)['params']) == (
      4 * 4 * 512 + convs + to_rgb + mapping)
  disc = stylegan2.Discriminator(32, 3, residual=False, classes=10)
  body = layer(3, 512) + 6 * layer(9 * 512, 512) + layer(9 * 513, 512)
  head = layer(16 * 512, 512) + layer(512, 512)
  mapping = layer(10, 512) + 8 * layer(512, 512)
  assert count(described(disc, jnp.zeros((1, 32, 32, 3)), label)['params']) == (
      body + head + mapping)


def test_a_block_without_a_shortcut_is_its_convolutions():
  block = stylegan2.DownBlock(3, jnp.float32)

  @jax.jit
  def both(key):
    params = block.init(key, X)['params']
    params['skip']['kernel'] *= 0.
    want = math.sqrt(2) * block.apply({'params': params}, X)
    del params['skip']
    return want, block.clone(residual=False).apply({'params': params}, X)

  np.testing.assert_allclose(*both(jax.random.key(0)), rtol=1e-5, atol=1e-6)


def test_only_embeddings_of_labels_that_are_there_learn():
  def loss(gen, disc):
    styles = GEN.apply({'params': gen}, Z, True, LABELS, method='styles')
    return (jnp.sin(styles).sum()
            + DISC.apply({'params': disc}, X, True, LABELS).sum())

  slopes = jax.jit(jax.grad(loss, (0, 1)))(
      *(filled(model)['params'] for model in (GEN, DISC)))
  for slope in slopes:
    kernel = slope['mapping']['embed']['kernel']
    assert np.isfinite(kernel).all()
    np.testing.assert_array_equal(np.any(kernel, 1), [True, False, True])


def test_images_of_other_classes_are_others():
  make = jax.jit(lambda labels: GEN.apply(filled(GEN), Z, False, labels))
  images, others = make(LABELS), make(np.array([2, 1, 2, 1]))
  np.testing.assert_array_equal(images[::2], others[::2])
  assert np.abs(images - others)[1::2].max((1, 2, 3)).min() > .01
  assert make._cache_size() == 1


def test_mixed_styles_are_of_the_same_class():
  """With a mapping that only knows the class, there is nothing to mix."""
  variables = jax.tree.map(lambda x: x, filled(GEN))
  kernel = variables['params']['mapping']['dense_0']['kernel'].copy()
  kernel[:LATENT] = 0.
  variables['params']['mapping']['dense_0']['kernel'] = kernel
  styles = GEN.clone(mixing=1.).apply(
      variables, Z, True, LABELS, method='styles',
      rngs={'noise': jax.random.key(2)})
  np.testing.assert_array_equal(styles, np.broadcast_to(
      styles[:2, :1], (2, 4, LATENT)).repeat(1, 0)[[0, 1, 0, 1]])


def test_in_bfloat16_styles_and_logits_stay_exact():
  rough = GEN.clone(dtype=jnp.bfloat16)
  np.testing.assert_array_equal(*jax.jit(lambda v: [
      model.apply(v, Z, True, LABELS, method='styles')
      for model in (rough, GEN)])(filled(GEN)))
  logits = jax.eval_shape(lambda v: DISC.clone(dtype=jnp.bfloat16).apply(
      v, X, True, LABELS), filled(DISC))
  assert logits.dtype == jnp.float32


@pytest.mark.parametrize('model, x, labels, words', [
    (GEN, Z, None, 'stylegan2: classes=3, and no labels are given'),
    (DISC, X, None, 'stylegan2: classes=3, and no labels are given'),
    (GEN.clone(classes=0), Z, LABELS, 'classes=0, and labels are given'),
    (GEN.clone(depth=0), Z, LABELS, 'depth is 0 and classes is 3'),
    (DISC.clone(outputs=2), X, LABELS, '2 outputs and 3 classes')])
def test_labels_and_classes_that_do_not_agree_are_refused(model, x, labels,
                                                          words):
  with pytest.raises(UserError, match=words):
    described(model, x, labels)
