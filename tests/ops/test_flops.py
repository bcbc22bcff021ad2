"""Multiply-accumulates against the papers' numbers and plain arithmetic."""
import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest

from jgan import lookup
from jgan.layers import conv, norm
from jgan.layers.conv import Conv, ConvTranspose
from jgan.layers.dense import Dense
from jgan.ops import flops

KEY = jax.random.key(0)


def rows(model, *shape):
  x = jax.ShapeDtypeStruct(shape, jnp.float32)
  variables = dict(jax.eval_shape(lambda k, x: model.init(k, x, train=True),
                                  KEY, x))
  variables.pop('features', None)
  return flops.layers(model, variables, x)


def network(name, player, size):
  model = getattr(lookup.find('models', name), player)(size, 3)
  return rows(model, *((2, model.latent) if player == 'Generator' else
                       (2, size, size, 3)))


class Stack(nn.Module):
  """Layers one after the other, each called with `train` where it takes it."""
  parts: tuple

  @nn.compact
  def __call__(self, x, train):
    for i, part in enumerate(self.parts):
      layer = part(name=f'layer_{i}')
      x = layer(x, train) if isinstance(layer, norm.Norm) else layer(x)
    return x


# specs/re_gan.md 12.1 and soft_octave.md 2.5. The former's 644,808,704 of the
# discriminator at 64 pixels leaves out the last layer, 1024 -> 1, which its
# number at 32 pixels counts.
@pytest.mark.parametrize('name, player, size, macs', [
    ('sngan', 'Generator', 32, 1_681_129_472),
    ('sngan', 'Discriminator', 32, 272_072_832),
    ('sngan', 'Generator', 64, 1_955_332_096),
    ('sngan', 'Discriminator', 64, 644_808_704 + 1024),
    ('dcgan', 'Generator', 128, 316_964_864),
])
def test_a_published_network_has_its_multiply_accumulates(name, player, size,
                                                          macs):
  assert flops.total(network(name, player, size)).macs == macs


def test_thop_adds_biases_of_convolutions_and_two_per_normalised_element():
  found = flops.total(network('sngan', 'Generator', 32))
  pixels = 8**2 + 16**2 + 32**2
  biases = 3 * 256 * pixels + 3 * 32**2
  normalised = 256 * (4**2 + 2 * 8**2 + 2 * 16**2 + 2 * 32**2)
  assert found.macs_thop - found.macs == biases + 2 * normalised
  assert found.params == 4_276_739


@pytest.mark.parametrize('layer, shape, out, macs, thop', [
    (lambda name: Conv(5, stride=2, name=name), (8, 8, 3), (4, 4, 5),
     16 * 9 * 3 * 5, 16 * 9 * 3 * 5 + 80),
    (lambda name: Conv(6, groups=3, use_bias=False, name=name), (8, 8, 3),
     (8, 8, 6), 64 * 9 * 6, 64 * 9 * 6),
    (lambda name: Conv(3, groups=3, name=name), (8, 8, 3), (8, 8, 3),
     64 * 9 * 3, 64 * 9 * 3 + 192),
    (lambda name: Conv(5, 1, name=name), (8, 8, 3), (8, 8, 5), 64 * 3 * 5,
     64 * 3 * 5 + 320),
    (lambda name: ConvTranspose(5, name=name), (4, 4, 3), (8, 8, 5),
     16 * 16 * 3 * 5, 64 * 16 * 3 * 5 + 320),
    # From 1 x 1 there are no zeros between inputs, only around them.
    (lambda name: ConvTranspose(5, 4, 1, 0, use_bias=False, name=name),
     (1, 1, 3), (4, 4, 5), 16 * 3 * 5, 16 * 16 * 3 * 5),
    (lambda name: Dense(7, name=name), (3,), (7,), 21, 21),
    (lambda name: norm.batch(name=name), (4, 4, 3), (4, 4, 3), 0, 96),
    (lambda name: norm.layer(name=name), (4, 4, 3), (4, 4, 3), 0, 0),
])
def test_a_layer_is_counted_by_its_definition(layer, shape, out, macs, thop):
  (row,) = rows(Stack((layer,)), 2, *shape)
  assert row.name == 'layer_0'
  assert (row.shape, row.macs, row.macs_thop) == (out, macs, thop)


def test_counts_do_not_depend_on_the_batch_or_on_spectral_norm():
  def count(make, b):
    return rows(Stack((lambda name: make(4, name=name),)), b, 8, 8, 3)
  assert count(conv.spectral, 1) == count(conv.plain, 5)


def test_jit_remat_loops_and_branches_are_walked():
  w = jnp.ones((3, 3))

  class Loops(nn.Module):
    @nn.compact
    def __call__(self, x, train):
      del train
      x = jax.jit(jax.checkpoint(lambda x: x @ (w @ w)))(x)               # 1
      x, _ = jax.lax.scan(lambda x, _: (x @ w, None), x, length=4)        # 4
      # This carry starts as a constant and depends on x from its first turn.
      y, _ = jax.lax.scan(lambda y, _: (y @ w + x, None),
                          jnp.zeros((2, 3)), length=5)                    # 5
      return jax.lax.cond(y.sum() > 0, lambda: y @ w @ w, lambda: y)      # 2

  found = flops.total(rows(Loops(), 2, 3))
  assert found.macs == (1 + 4 + 5 + 2) * 9
