"""FastGAN: counts of specs/re_gan.md 12.1, shapes of 11b, parts by numpy."""
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import steps
from jgan.layers import conv, latent_noise, norm
from jgan.layers.resize import downsample, upsample
from jgan.layers.skip_excitation import SkipExcitation
from jgan.losses import hinge
from jgan.models import fastgan
from jgan.ops import flops
from jgan.types import GanState, Loss, Network, Pair

PLAIN = functools.partial(conv.plain, use_bias=False)


def shapes(model, b=1):
  x = jnp.zeros((b, model.latent) if hasattr(model, 'latent') else
                (b, model.size, model.size, model.colors))
  found = dict(jax.eval_shape(lambda k: model.init(k, x, True),
                              jax.random.key(0)))
  blocks = found.pop('features')['blocks']
  return x, blocks, found, found.pop('decoded', None)


def numbers(*shape, seed=1):
  return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def filled(tree):
  rng = np.random.default_rng(0)
  return jax.tree.map(lambda x: abs(rng.normal(0, .3, x.shape)).astype(
      np.float32) - (.2 if x.ndim == 4 else 0.), tree)


def made(module, *args):
  variables = filled(jax.eval_shape(lambda k: module.init(k, *args),
                                    jax.random.key(0)))
  return variables, module.apply(variables, *args)


def sigmoid(x):
  return 1 / (1 + np.exp(-x))


def test_the_published_networks_have_their_parameters_and_work():
  gen = fastgan.Generator(256, 3, side=True)
  x, blocks, variables, _ = shapes(gen)
  total = flops.total(flops.layers(gen, variables, x))
  # In evaluation nobody wants the smaller image.
  assert total.params == 29_127_846
  assert total.macs + 128**2 * 64 * 3 == 9_734_607_872
  assert [h.shape[1:] for h in blocks] == [
      (8, 8, 512), (16, 16, 256), (32, 32, 128), (64, 64, 128),
      (128, 128, 64), (256, 256, 32)]
  disc = fastgan.Discriminator(256, 3)
  x, blocks, variables, _ = shapes(disc)
  total = flops.total(flops.layers(disc, variables, x))
  assert (total.params, total.macs) == (8_386_672, 1_638_371_328)
  assert [h.shape[1:] for h in blocks] == [
      (128, 128, 32), (64, 64, 64), (32, 32, 128), (16, 16, 256), (8, 8, 512),
      (8, 8, 256)]
  disc = disc.clone(decode=True)
  x, _, variables, decoded = shapes(disc)
  assert flops.total(flops.layers(disc, variables, x)).params == 11_526_160
  assert [p.shape for p in jax.tree.leaves(decoded)] == [(1, 128, 128, 3)] * 6


@pytest.mark.parametrize('size, side, skips', [
    (64, 32, {'skip_8'}), (128, 64, {'skip_16', 'skip_8'}),
    (512, 128, {'skip_32', 'skip_16', 'skip_8'}),
    (1024, 128, {'skip_32', 'skip_16', 'skip_8'})])
def test_every_size_has_two_images_and_fifty_places(size, side, skips):
  gen = fastgan.Generator(size, 3, width=8, side=True)
  z, _, variables, _ = shapes(gen)
  image, small = jax.eval_shape(lambda v, z: gen.apply(
      v, z, True, mutable=[*v])[0], variables, z)
  assert (image.shape, small.shape) == ((1, size, size, 3), (1, side, side, 3))
  alone = jax.eval_shape(lambda v, z: gen.apply(v, z, False), variables, z)
  assert alone.shape == image.shape
  disc = fastgan.Discriminator(size, 3, width=8, patches=True)
  _, blocks, variables, _ = shapes(disc)
  logits = jax.eval_shape(lambda v, *x: disc.apply(v, x, False), variables,
                          image, small)
  assert logits.shape == (1, 50)
  assert {k for k in variables['params'] if k.startswith('skip')} == skips
  assert [h.shape[1] for h in blocks][-3:] == [16, 8, 8]


def test_no_layer_but_the_norms_has_a_bias_and_all_kernels_are_normalised():
  for model in (fastgan.Generator(64, 3, width=4, side=True),
                fastgan.Discriminator(64, 3, width=4, decode=True)):
    _, _, variables, _ = shapes(model)
    for path, _ in jax.tree.leaves_with_path(variables['params']):
      layer, leaf = path[-2].key, path[-1].key
      assert leaf != 'bias' or 'norm' in layer
    kernels = [p for p in jax.tree.leaves(variables['params']) if p.ndim == 4]
    assert len(jax.tree.leaves(variables['spectral'])) == 2 * len(kernels)


def test_a_skip_gates_the_channels_of_the_large_map():
  big, small = numbers(2, 4, 4, 3), numbers(2, 8, 8, 5, seed=2)
  variables, out = made(SkipExcitation(PLAIN), big, small)
  a, b = (np.asarray(variables['params'][k]['kernel'])
          for k in ('conv_0', 'conv_1'))
  h = np.einsum('bijc,ijcd->bd', downsample(small), a)
  gate = sigmoid((h * sigmoid(h)) @ b[0, 0])
  np.testing.assert_allclose(out, big * gate[:, None, None], rtol=1e-5)


def test_an_up_block_is_doubled_convolved_and_gated():
  x = numbers(2, 4, 4, 3)
  variables, out = made(fastgan.UpBlock(2, PLAIN, norm.none), x, True)
  h = conv.convolve(upsample(x), variables['params']['conv_0']['kernel'])
  np.testing.assert_allclose(out, h[..., :2] * sigmoid(h[..., 2:]), rtol=1e-5)


def test_a_down_block_is_the_mean_of_its_branches():
  x, leak = numbers(2, 8, 8, 3), lambda h: np.maximum(h, .2 * h)
  variables, out = made(fastgan.DownBlock(2, PLAIN, norm.none), x, True)
  kernels = {k: v['kernel'] for k, v in variables['params'].items()}
  first = leak(conv.convolve(x, kernels['conv_0'], stride=2, padding=1))
  main = leak(conv.convolve(first, kernels['conv_1']))
  direct = leak(downsample(x) @ kernels['conv_direct'][0, 0])
  np.testing.assert_allclose(out, (main + direct) / 2, rtol=1e-5, atol=1e-6)
  _, plain = made(fastgan.DownBlock(2, PLAIN, norm.none, False), x, True)
  assert plain.shape == out.shape


def test_noise_is_one_map_for_all_channels_and_none_without_a_key():
  x, layer = np.zeros((4, 3, 3, 2), np.float32), fastgan.Noise()
  variables = {'params': {'weight': jnp.float32(.5)}}
  np.testing.assert_array_equal(layer.apply(variables, x), x)
  out = layer.apply(variables, x, rngs={'noise': jax.random.key(0)})
  np.testing.assert_array_equal(out[..., 0], out[..., 1])
  assert len(np.unique(out)) == 36
  sharded = jax.vmap(
      lambda x: fastgan.Noise('devices').apply(
          variables, x, rngs={'noise': jax.random.key(0)}),
      axis_name='devices')(x.reshape(2, 2, 3, 3, 2))
  np.testing.assert_array_equal(sharded.reshape(out.shape), out)
  start = layer.init(jax.random.key(0), x)['params']['weight']
  assert start.shape == () and start == 0


def test_outside_training_each_image_has_noise_of_its_own():
  x, layer = np.zeros((2, 3, 3, 2), np.float32), fastgan.Noise(layer=1)
  z = numbers(2, 4)
  keys = latent_noise.keys(z)
  out = layer.apply({'params': {'weight': jnp.float32(.5)}}, x, keys)
  np.testing.assert_array_equal(out[..., 0], out[..., 1])
  np.testing.assert_array_equal(
      out[..., 0], .5 * latent_noise.draw(keys, 1, (3, 3)))


def test_a_quarter_is_a_quarter():
  x = numbers(1, 4, 4, 1)
  halves = slice(0, 2), slice(2, 4)
  for which in range(4):
    np.testing.assert_array_equal(
        fastgan._quarter(x, jnp.int32(which)),
        x[:, halves[which // 2], halves[which % 2]])


@pytest.fixture(scope='module')
def judged():
  """D at 64 pixels with decoders, run on an image, once and as a pair."""
  model = fastgan.Discriminator(64, 3, width=4, patches=True, decode=True)
  _, _, variables, _ = shapes(model, b=2)
  variables, x = filled(variables), numbers(2, 64, 64, 3)

  @jax.jit
  def run(variables, x, rng):
    alone, changed = model.apply(variables, x, True, rngs={'noise': rng},
                                 mutable=[*variables, 'decoded'])
    pair, idle = model.apply(variables, (x, x[:, ::2, ::2]), True,
                             mutable=[*variables])
    mean = model.clone(patches=False).apply(variables, x, False)
    each = model.apply(variables, x, False)
    return alone, changed, pair, idle, mean, each
  return variables, x, [jax.device_get(run(variables, x, jax.random.key(k)))
                        for k in range(6)]


def test_the_smaller_image_is_every_second_pixel_where_none_is_given(judged):
  _, _, [(alone, _, pair, *_), *_] = judged
  assert alone.shape == (2, 50)
  np.testing.assert_allclose(alone, pair, rtol=1e-5, atol=1e-5)


def test_without_patches_the_places_are_averaged(judged):
  _, _, [(*_, mean, each), *_] = judged
  np.testing.assert_allclose(mean, each.mean(1), rtol=1e-5, atol=1e-5)


def test_decoders_rebuild_the_image_twice_and_a_quarter_of_it(judged):
  _, x, runs = judged
  quarters = [x[:, i:i + 32, j:j + 32] for i in (0, 32) for j in (0, 32)]
  seen = set()
  for _, changed, *_ in runs:
    pairs = changed['decoded']['pairs']
    assert len(pairs) == 3
    for rebuilt, target in pairs:
      assert rebuilt.shape == target.shape == (2, 32, 32, 3)
      assert np.abs(rebuilt).max() <= 1 and np.std(rebuilt) > 0
    for _, target in pairs[:2]:
      np.testing.assert_array_equal(target, x[:, ::2, ::2])
    seen.add([np.array_equal(q, pairs[2][1]) for q in quarters].index(True))
  assert len(seen) > 1


def test_decoders_stand_still_where_nobody_collects_what_they_make(judged):
  variables, _, [(_, changed, _, idle, *_), *_] = judged
  assert 'decoded' not in idle
  for part in ('batch_stats', 'spectral'):
    moved = lambda found, p=part: {
        name for name in variables[p] if any(
            not np.array_equal(a, b) for a, b in zip(
                jax.tree.leaves(variables[p][name]),
                jax.tree.leaves(found[p][name])))}
    assert not any(name.startswith('decoder') for name in moved(idle))
    assert moved(changed) == set(variables[part])


def test_one_step_of_the_game_takes_pairs_of_fakes_as_it_is():
  models = Pair(fastgan.Generator(64, 3, width=4, side=True),
                fastgan.Discriminator(64, 3, width=4, patches=True))
  nets = [Network(v.pop('params'), v) for v in (
      shapes(model)[2] for model in models)]
  state = GanState(jnp.int32(0), *nets, nets[0])
  image = jnp.zeros((2, 64, 64, 3))
  common = dict(models=models, loss=Loss(hinge.discriminator, hinge.generator),
                penalties={})

  def slopes(state, real, z, rng):
    gen = jax.grad(lambda p: steps.gen_loss(p, state, real, z, rng, **common)[
        0])(state.gen.params)
    disc = steps.disc_loss(state.disc.params, state, real, z, rng, **common)
    return gen, disc

  gen, (value, _) = jax.eval_shape(slopes, state, image, jnp.zeros((2, 256)),
                                   jax.random.key(0))
  assert value.shape == () and gen['to_side']['kernel'].shape == (1, 1, 8, 3)
