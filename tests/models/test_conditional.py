"""Every model can be told the class of an image; names of layers stay."""
import dataclasses

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import lookup
from jgan.errors import UserError
from jgan.layers import conditional
from jgan.models import mlp
from jgan.ops import flops

OWN = {'r3gan', 'sngan', 'stylegan2'}  # have their own way, and tests of it
PLAYERS = [(name, player) for name in lookup.names('models')
           for player in ('Generator', 'Discriminator')
           if name not in OWN and hasattr(lookup.find('models', name), player)]
LABELS = np.array([0, 2], np.int32)


def smallest(name, player):
  """A plain network and the same with three classes, and shapes of both."""
  kind = getattr(lookup.find('models', name), player)
  fields = {'width': 4} if 'width' in {
      f.name for f in dataclasses.fields(kind)} else {}
  for size in (1, 2**4, 2**5, 48, 2**6, 2**7, 2**8):
    pair = [make(size=size, colors=2 if size == 1 else 3, **fields, **options)
            for make, options in ((kind, {}), (conditional.of(
                player.lower(), kind), {'classes': 3}))]
    try:
      return pair, [shapes(model, *labels) for model, labels in zip(
          pair, ([], [LABELS]))]
    except UserError as error:
      if 'size' not in str(error) and 'pixel' not in str(error):
        raise
  raise AssertionError(f'{name} takes none of the usual sizes')


def inputs(model):
  width = getattr(model, 'latent', None)
  return jax.ShapeDtypeStruct((2, width) if width else (
      2, model.size, model.size, model.colors), jnp.float32)


def shapes(model, *labels):
  variables = dict(jax.eval_shape(lambda key, x: model.init(
      key, x, True, *labels), jax.random.key(0), inputs(model)))
  for sown in ('features', 'decoded'):
    variables.pop(sown, None)
  return variables


@pytest.mark.parametrize('name, player', PLAYERS)
def test_a_model_with_classes_has_the_layers_of_the_one_without(name, player):
  (plain, told), (few, many) = smallest(name, player)
  names = lambda x: {*flax.traverse_util.flatten_dict(x['params'], sep='/')}
  assert names(few) < names(many)
  want = jax.eval_shape(lambda v, x: plain.apply(v, x, False), few,
                        inputs(plain))
  got = jax.eval_shape(lambda v, x: told.apply(v, x, False, LABELS), many,
                       inputs(told))
  assert jax.tree.map(lambda x: (x.shape, x.dtype), want) == jax.tree.map(
      lambda x: (x.shape, x.dtype), got)
  assert getattr(plain, 'latent', 0) == getattr(told, 'latent', 0)
  rows = flops.layers(told, many, inputs(told), LABELS)
  assert flops.total(rows).params == sum(
      x.size for x in jax.tree.leaves(many['params']))


def test_a_class_moves_the_images_and_the_verdict():
  z, x = np.zeros((2, 4), np.float32), np.ones((2, 1, 1, 2), np.float32)
  gen = conditional.of('generator', mlp.Generator)(
      1, 2, latent=4, width=8, classes=3)
  disc = conditional.of('discriminator', mlp.Discriminator)(
      1, 2, width=8, classes=3)
  for model, given in ((gen, z), (disc, x)):
    v = model.init(jax.random.key(0), given, True, LABELS)
    v = {k: x for k, x in v.items() if k != 'features'}
    one, other = model.apply(v, given, False, LABELS)
    assert np.abs(one - other).max() > 1e-3
    same = model.apply(v, given, False, np.array([1, 1]))
    np.testing.assert_array_equal(same[0], same[1])


def test_the_verdict_is_that_without_classes_and_a_product():
  """logit + <V_y, f> / sqrt(c), by hand for one layer of features."""
  kind = conditional.of('discriminator', mlp.Discriminator)
  plain, told = mlp.Discriminator(1, 2, width=5), kind(1, 2, width=5, classes=3)
  x = np.random.default_rng(0).normal(size=(2, 1, 1, 2)).astype(np.float32)
  v = told.init(jax.random.key(1), x, True, LABELS)
  params = v['params']
  logits, seen = plain.apply(
      {'params': {k: p for k, p in params.items() if k != 'label'}}, x, False,
      mutable=['features'])
  last = np.asarray(seen['features']['blocks'][-1]).sum((1, 2))
  product = np.sum(np.asarray(params['label']['kernel'])[LABELS] * last, 1)
  np.testing.assert_allclose(
      told.apply({'params': params}, x, False, LABELS),
      logits + product / np.sqrt(5), rtol=1e-5)


def test_several_outputs_have_no_class():
  disc = conditional.of('discriminator', mlp.Discriminator)(
      1, 2, outputs=4, width=8, classes=3)
  with pytest.raises(UserError, match="'mlp' has 4 outputs.*outputs=1"):
    disc.init(jax.random.key(0), jnp.ones((2, 1, 1, 2)), True, LABELS)
