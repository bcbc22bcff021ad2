"""Parameter counts of published networks (specs/re_gan.md 12.1,
specs/soft_octave.md 2.5, specs/sample_differences_penalization.md 3.5).
"""
import math

import jax
import jax.numpy as jnp
import pytest

from jgan import lookup
from jgan.errors import UserError
from jgan.layers import norm


def variables(name, player, size, **fields):
  model = getattr(lookup.find('models', name), player)(size, 3, **fields)
  x = jnp.zeros((1, model.latent) if player == 'Generator' else
                (1, size, size, 3))
  found = dict(jax.eval_shape(lambda k: model.init(k, x, True),
                              jax.random.key(0)))
  return found['params'], found['features']['blocks']


# Blocks: how many maps the discriminator shows (SDP's n).
@pytest.mark.parametrize('name, player, size, fields, count, blocks', [
    ('dcgan', 'Generator', 128, {}, 2_404_128, 4),
    ('dcgan', 'Discriminator', 128, {}, 1_574_176, 5),
    ('cnn', 'Generator', 32, {}, 1_183_619, 3),
    ('cnn', 'Discriminator', 32, {}, 663_361, 3),
    ('cnn', 'Discriminator', 32, {'norm': norm.layer}, 663_361, 3),
    # Without norms two hidden layers get a bias, and lose a scale and a bias.
    ('cnn', 'Discriminator', 32, {'norm': norm.none}, 663_361 - 384, 3),
    ('cnn', 'Generator', 64, {}, 3_806_083, 4),
    ('cnn', 'Discriminator', 64, {}, 2_765_633, 4),
    ('sn_cnn', 'Generator', 32, {}, 3_813_379, 3),
    ('sn_cnn', 'Generator', 32, {'latent': 100}, 3_584_003, 3),
    ('sn_cnn', 'Discriminator', 32, {}, 5_860_865, 7),
    ('sngan', 'Generator', 32, {}, 4_276_739, 3),
    ('sngan', 'Discriminator', 32, {}, 1_053_824, 4),
    ('sngan', 'Discriminator', 32, {'width': 64}, 264_768, 4),
    ('sngan', 'Generator', 64, {}, 12_220_675, 4),
    ('sngan', 'Discriminator', 64, {}, 10_141_441, 5),
    ('sngan', 'Discriminator', 64, {'hidden': 'out', 'halvings': 4},
     19_542_721, 5),
])
def test_a_published_network_has_its_parameters(name, player, size, fields,
                                                count, blocks):
  params, features = variables(name, player, size, **fields)
  assert sum(math.prod(p.shape) for p in jax.tree.leaves(params)) == count
  assert len(features) == blocks


def test_the_usual_dcgan_is_width_64_at_64_pixels():
  params, _ = variables('dcgan_deconv', 'Generator', 64, width=64)
  kernels = [params[k]['kernel'].shape for k in
             ('linear', 'deconv_1', 'deconv_2', 'deconv_3', 'to_rgb')]
  assert kernels == [(100, 16 * 512), (4, 4, 512, 256), (4, 4, 256, 128),
                     (4, 4, 128, 64), (4, 4, 64, 3)]
  _, features = variables('dcgan_deconv', 'Discriminator', 64, width=64)
  assert [f.shape[1:] for f in features] == [
      (32, 32, 64), (16, 16, 128), (8, 8, 256), (4, 4, 512)]


def test_sngan_maps_flow_as_in_the_paper():
  at = lambda *args: [f.shape[1:] for f in variables('sngan', *args)[1]]
  assert at('Generator', 32) == [(8, 8, 256), (16, 16, 256), (32, 32, 256)]
  assert at('Discriminator', 32) == [(16, 16, 128)] + 3 * [(8, 8, 128)]
  assert at('Generator', 48) == [(12, 12, 256), (24, 24, 128), (48, 48, 64)]
  assert at('Discriminator', 48) == [(24, 24, 64), (12, 12, 128), (6, 6, 256),
                                     (3, 3, 512), (3, 3, 1024)]
  assert at('Discriminator', 64)[-1] == (2, 2, 1024)


@pytest.mark.parametrize('size, fields, words', [
    (32, {'hidden': 'inn'}, "'inn'.*did you mean 'in'"),
    (48, {'halvings': 5}, 'halve 5 times: at most 4'),
    (32, {'halvings': -1}, 'halve -1 times')])
def test_sngan_refuses_what_it_cannot_build(size, fields, words):
  with pytest.raises(UserError, match=words):
    variables('sngan', 'Discriminator', size, **fields)
