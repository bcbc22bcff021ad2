"""Networks without some of their channels make the images they made before."""
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.compress.channels import alive, groups, narrow
from jgan.errors import UserError
from jgan.layers import conv, factored, norm
from jgan.models import autogan, cnn, dcgan, sngan
from jgan.ops import flops
from jgan.optim import channels, masked

SNGAN = sngan.Generator(size=32, colors=3, latent=4, width=8)
MODELS = {
    'sngan': SNGAN,
    'autogan A': autogan.Generator(size=32, colors=3, latent=4, width=8),
    'autogan C': autogan.Generator(size=32, colors=3, latent=4, width=8,
                                   genotype='C'),
    'dcgan': dcgan.Generator(size=32, colors=3, latent=4, width=4),
}


def drawn(model):
  """Variables of a trained-looking generator: {collection: tree}."""
  like = shapes(model)
  rng = np.random.default_rng(0)
  draw = lambda x: np.float32(rng.normal(0, .3, x.shape))
  return {'params': jax.tree.map(draw, like['params']),
          'batch_stats': jax.tree.map(lambda x: abs(draw(x)) + .1,
                                      like.get('batch_stats', {}))}


def shapes(model):
  found = dict(jax.eval_shape(lambda: model.init(
      jax.random.key(0), jnp.zeros((1, model.latent)), True)))
  found.pop('features', None)
  return found


def images(model, variables):
  z = np.random.default_rng(1).normal(size=(3, model.latent))
  return np.asarray(jax.jit(lambda v, z: model.apply(v, z, False))(
      variables, np.float32(z)))


def masked_and_narrow(model, ratio):
  """Variables at the masks, Groups, what is kept, and the narrow twin's."""
  variables, found = drawn(model), groups(model)
  masks = channels.masks(variables['params'], found, ratio=ratio)
  variables['params'] = jax.device_get(
      masked.zero(variables['params'], masks))
  kept = alive(variables['params'], found)
  small = model.clone(hidden=tuple(int(k.sum()) for k in kept))
  return variables, found, kept, small, narrow(variables, found, kept)


@pytest.mark.parametrize('name', MODELS)
def test_images_do_not_change_and_shapes_are_those_of_the_narrow_model(name):
  model = MODELS[name]
  variables, found, kept, small, less = masked_and_narrow(model, .4)
  for group, k in zip(found, kept):
    n = len(k)
    assert k.sum() == n - np.ceil(.4 * (n - 1)), group
  want = shapes(small)
  assert jax.tree.map(np.shape, less['params']) == jax.tree.map(
      lambda x: x.shape, want['params'])
  a, b = images(model, variables), images(small, less)
  np.testing.assert_allclose(a, b, atol=1e-5)
  assert a.std() > .05
  # And the channels did matter before.
  assert abs(images(model, drawn(model)) - b).max() > .01


def test_without_pruning_images_are_the_same_bit_for_bit():
  variables, _, kept, small, less = masked_and_narrow(SNGAN, 0.)
  assert small.hidden == (8, 8, 8) and all(k.all() for k in kept)
  jax.tree.map(np.testing.assert_array_equal, variables, less)
  np.testing.assert_array_equal(images(SNGAN, variables), images(small, less))


def test_parameters_and_work_fall_by_what_the_channels_had():
  variables, _, kept, small, less = masked_and_narrow(SNGAN, .5)
  z = jax.ShapeDtypeStruct((1, 4), jnp.float32)
  before, after = (flops.total(flops.layers(m, v, z))
                   for m, v in ((SNGAN, variables), (small, less)))
  gone = [int((~k).sum()) for k in kept]
  assert gone == [4, 4, 4]  # ceil(.5 * 7)
  # conv_0's filter and bias, a scale and a bias, conv_1's kernel.
  assert before.params - after.params == sum(gone) * (72 + 1 + 2 + 72)
  area = [8**2, 16**2, 32**2]
  assert before.macs - after.macs == sum(
      g * 2 * 72 * a for g, a in zip(gone, area))


def test_names_before_a_layers_own_do_not_hide_it():
  variables, found, kept, _, less = masked_and_narrow(SNGAN, .5)
  counts = jax.tree.map(lambda x: np.int32(2), variables['params'])
  tree = {'opt': ({'mu': variables['params'], 'count': counts}, np.int32(3))}
  got = narrow(tree, found, kept)
  assert got['opt'][0]['count'] == counts
  jax.tree.map(np.testing.assert_array_equal, got['opt'][0]['mu'],
               less['params'])
  assert got['opt'][1] == 3


def test_a_layer_keeps_at_least_one_channel():
  params = drawn(SNGAN)['params']
  params['block_1']['conv_1']['kernel'][:] = 0.
  kept = alive(params, groups(SNGAN))
  assert [int(k.sum()) for k in kept] == [8, 1, 8]


@pytest.mark.parametrize('model, words', [
    (cnn.Generator(size=32, colors=3),
     "'cnn' names no channels .* known: autogan, dcgan, sngan"),
    (SNGAN.clone(conv=conv.octave), "only a generator with conv 'plain'"),
    (SNGAN.clone(conv=conv.spectral), "only a generator with conv 'plain'"),
    (SNGAN.clone(conv=factored.chosen(conv.plain, {
        'block_0/conv_0': {'form': 'cp', 'rank': 2}})), 'not factored'),
    (SNGAN.clone(norm=norm.layer), "'none' can a generator .* not LayerNorm"),
])
def test_where_channels_bear_on_others_none_can_go(model, words):
  with pytest.raises(UserError, match=words):
    groups(model)


@pytest.mark.parametrize('hidden', [(8, 8), (8, 0, 8), (8, 8., 8)])
def test_widths_that_do_not_fit_are_refused(hidden):
  with pytest.raises(UserError, match=r'sngan: hidden=\(8, .* as \(8, 8, 8\)'):
    shapes(SNGAN.clone(hidden=hidden))
