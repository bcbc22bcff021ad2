"""StyleGAN2 against its published counts (specs/re_gan.md 12) and against a
forward pass in numpy on weights in the names and layout of
rosinality/stylegan2-pytorch.
"""
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.errors import UserError
from jgan.layers import latent_noise
from jgan.models import stylegan2
from jgan.models.stylegan2 import Discriminator, Generator
from jgan.ops import flops
from tests.models.rosinality import from_rosinality

KEY = jax.random.key(0)
SIZE, LATENT, CHANNELS, B = 8, 4, {4: 3, 8: 2}, 4
TAPS = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


def shapes(model):
  x = jax.ShapeDtypeStruct(
      (1, model.latent) if isinstance(model, Generator) else
      (1, model.size, model.size, model.colors), jnp.float32)
  variables = dict(jax.eval_shape(lambda x: model.init(KEY, x, True), x))
  variables.pop('features')
  return variables, x


def count(tree):
  return sum(math.prod(x.shape) for x in jax.tree.leaves(tree))


@functools.cache
def filled(model):
  """Numpy's numbers in the place of jit(init)."""
  rng = np.random.default_rng(1)

  def draw(path, s):
    rate = 100 if 'mapping' in jax.tree_util.keystr(path) else 1
    return rate * rng.normal(size=s.shape).astype(np.float32)
  return jax.tree_util.tree_map_with_path(draw, shapes(model)[0])


def generator(**fields):
  return Generator(SIZE, 3, latent=LATENT, width=CHANNELS[8],
                   most=CHANNELS[4], depth=2, **fields)


def discriminator(**fields):
  return Discriminator(SIZE, 3, width=CHANNELS[8], most=CHANNELS[4], **fields)


def normal(*shape, seed=0):
  return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@functools.cache
def trained():
  """(variables, z, key) -> images as in training, compiled once."""
  model = generator()
  return jax.jit(lambda v, z, key: model.apply(v, z, True,
                                               rngs={'noise': key}))


# --- published counts


@pytest.mark.parametrize('size, width, gen, disc, gen_macs, disc_macs', [
    (32, 128, 13_506_963, 13_918_849, 684_384_256, 705_110_528),
    (64, 128, 19_016_088, 18_900_609, 2_801_262_592, 2_887_328_256),
    (32, 0, 21_523_475, 21_507_073, 4.008e9, 4.095e9),
    (256, 0, 30_034_338, 28_864_129, 45.125e9, 46.532e9),
    (256, 64, 24_767_458, 24_001_089, 14.903e9, 15.381e9),
    (1024, 0, 30_370_060, 29_012_513, 74.27e9, 76.67e9),
    (1024, 16, 24_900_764, 24_038_161, 22.23e9, 22.93e9)])
def test_parameters_and_macs_are_the_published_ones(size, width, gen, disc,
                                                    gen_macs, disc_macs):
  model = Generator(size, 3, width=width)
  variables, z = shapes(model)
  assert count(variables['params']) == gen
  # The published sums leave out the product that demodulates.
  lengths = sum(math.prod(conv['conv']['kernel'].shape[2:])
                for block in variables['params'].values()
                for name, conv in block.items() if name.startswith('conv_'))
  macs = flops.total(flops.layers(model, variables, z)).macs - lengths
  model = Discriminator(size, 3, width=width)
  variables, x = shapes(model)
  assert count(variables['params']) == disc
  got = macs, flops.total(flops.layers(model, variables, x)).macs
  exact = isinstance(gen_macs, int)
  assert got == pytest.approx((gen_macs, disc_macs), rel=0 if exact else 3e-4)


@pytest.mark.parametrize('size, layers, maps', [
    (32, 8, 7), (64, 10, 9), (256, 14, 13), (1024, 18, 17)])
def test_a_size_has_its_layers(size, layers, maps):
  model = Generator(size, 3)
  variables, z = shapes(model)
  styles = jax.eval_shape(
      lambda v, z: model.apply(v, z, False, method='styles'), variables, z)
  assert styles.shape == (1, layers, 512)
  assert len(jax.tree.leaves(variables['noise'])) == maps


def test_re_gans_tensors_are_these():
  # Re-GAN prunes all but to_rgb (specs/re_gan.md 12.2).
  for size, tensors, numbers in ((32, 52, 12_780_423), (64, 62, 18_025_353)):
    params = shapes(Generator(size, 3, width=128))[0]['params']
    kept = [math.prod(leaf.shape) for path, leaf in
            jax.tree_util.tree_leaves_with_path(params)
            if 'to_rgb' not in jax.tree_util.keystr(path)]
    assert (len(kept), sum(kept)) == (tensors, numbers)
    assert [sum(math.ceil(ratio * (n - 1)) for n in kept)
            for ratio in (.1, .3)] == {32: [1_278_069, 3_834_134],
                                       64: [1_802_567, 5_407_614]}[size]
    assert count(params['mapping']) == 2_101_248


@pytest.mark.parametrize('size, width, widths', [
    (32, 128, [512, 512, 256, 128]), (64, 128, [512, 512, 512, 256, 128]),
    (256, 0, [512] * 5 + [256, 128]), (1024, 16, [512] * 4
                                       + [256, 128, 64, 32, 16])])
def test_channels_halve_from_at_most_512(size, width, widths):
  assert stylegan2._widths(size, width, 512) == widths


# --- the forward pass, in numpy, in the other code's names and layout


def linear(w, name, x, rate=1.):
  weight = w[f'{name}.weight']
  return (x @ weight.T / math.sqrt(weight.shape[1]) + w[f'{name}.bias']) * rate


def act(x):
  return math.sqrt(2) * np.where(x > 0, x, .2 * x)


def correlate(x, kernel, stride=1, pad=0):
  """[c, h, w] with [o, c, k, k] -> [o, h', w']."""
  x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
  k = kernel.shape[-1]
  places = range(0, x.shape[1] - k + 1, stride)
  return np.array([[np.tensordot(kernel, x[:, i:i + k, j:j + k], 3)
                    for j in places] for i in places]).transpose(2, 0, 1)


def filtered(x, before, after, gain=1., stride=1):
  x = np.pad(x, ((0, 0), (before, after), (before, after)))
  places = range(0, x.shape[1] - 3, stride)
  return gain * np.array([[np.tensordot(x[:, i:i + 4, j:j + 4], TAPS, 2)
                           for j in places] for i in places]).transpose(2, 0, 1)


def modulated(w, name, x, style, up=False, demodulate=True):
  kernel = w[f'{name}.weight'][0]
  scale = linear(w, f'{name}.modulation', style)
  kernel = kernel * scale[None, :, None, None] / math.sqrt(
      kernel[0].size)
  if demodulate:
    kernel = kernel / np.sqrt(np.sum(kernel**2, (1, 2, 3)) + 1e-8)[
        :, None, None, None]
  if not up:
    return correlate(x, kernel, pad=kernel.shape[-1] // 2)
  n = x.shape[1]
  out = np.zeros((len(kernel), 2 * n + 1, 2 * n + 1))
  for i in range(n):
    for j in range(n):
      out[:, 2 * i:2 * i + 3, 2 * j:2 * j + 3] += np.tensordot(
          kernel, x[:, i, j], (1, 0))
  return filtered(out, 1, 1, gain=4)


def styled(w, name, x, style, noise, up=False):
  x = modulated(w, f'{name}.conv', x, style, up)
  return act(x + w[f'{name}.noise.weight'] * noise[0]
             + w[f'{name}.activate.bias'][:, None, None])


def numpy_generator(w, z):
  """One z -> image [3, 8, 8]."""
  style = z / np.sqrt(np.mean(z**2) + 1e-8)
  for i in (1, 2):
    weight = w[f'style.{i}.weight']
    style = act(.01 * (weight @ style / math.sqrt(len(style))
                       + w[f'style.{i}.bias']))
  rgb = lambda name, x: modulated(w, f'{name}.conv', x, style,
                                  demodulate=False) + w[f'{name}.bias'][0]
  noise = [w[f'noises.noise_{i}'][0] for i in range(3)]
  x = styled(w, 'conv1', w['input.input'][0], style, noise[0])
  image = rgb('to_rgb1', x)
  x = styled(w, 'convs.0', x, style, noise[1], up=True)
  x = styled(w, 'convs.1', x, style, noise[2])
  spread = np.zeros((3, 8, 8))
  spread[:, ::2, ::2] = image
  return rgb('to_rgbs.0', x) + filtered(spread, 2, 1, gain=4)


def numpy_discriminator(w, images):
  """[4, 3, 8, 8], one group -> logits [4]."""
  def conv(name, x, stride=1, pad=0):
    kernel = w[f'{name}.weight']
    return correlate(x, kernel / math.sqrt(kernel[0].size), stride, pad)

  bias = lambda name: w[f'{name}.bias'][:, None, None]
  maps = []
  for x in images:
    x = act(conv('convs.0.0', x) + bias('convs.0.1'))
    h = act(conv('convs.1.conv1.0', x, pad=1) + bias('convs.1.conv1.1'))
    h = conv('convs.1.conv2.1', filtered(h, 2, 2), stride=2)
    h = act(h + bias('convs.1.conv2.2'))
    skip = conv('convs.1.skip.1', filtered(x, 1, 1), stride=2)
    maps.append((h + skip) / math.sqrt(2))
  deviation = np.mean(np.sqrt(np.var(maps, 0) + 1e-8))
  logits = []
  for x in maps:
    x = np.concatenate([x, np.full((1, 4, 4), deviation)])
    x = act(conv('final_conv.0', x, pad=1) + bias('final_conv.1'))
    x = act(linear(w, 'final_linear.0', x.reshape(-1)))
    logits.append(linear(w, 'final_linear.1', x)[0])
  return np.array(logits)


def their_generator():
  rng = np.random.default_rng(2)
  draw = lambda *shape: rng.normal(size=shape).astype(np.float32)

  def conv(name, c, o, k):
    return {f'{name}.conv.weight': draw(1, o, c, k, k),
            f'{name}.conv.modulation.weight': draw(c, LATENT),
            f'{name}.conv.modulation.bias': draw(c)}

  w = {'input.input': draw(1, 3, 4, 4)}
  for i in (1, 2):
    w |= {f'style.{i}.weight': draw(LATENT, LATENT) * 100,
          f'style.{i}.bias': draw(LATENT) * 100}
  for i, (name, c, o) in enumerate((('conv1', 3, 3), ('convs.0', 3, 2),
                                    ('convs.1', 2, 2))):
    side = 8 if i else 4
    w |= conv(name, c, o, 3) | {
        f'{name}.noise.weight': draw(1), f'{name}.activate.bias': draw(o),
        f'noises.noise_{i}': draw(1, 1, side, side)}
  for name, c in (('to_rgb1', 3), ('to_rgbs.0', 2)):
    w |= conv(name, c, 3, 1) | {f'{name}.bias': draw(1, 3, 1, 1)}
  filters = ('convs.0.conv.blur.kernel', 'to_rgbs.0.upsample.kernel')
  return w | {name: np.float32(4 * TAPS) for name in filters}


def their_discriminator():
  rng = np.random.default_rng(3)
  draw = lambda *shape: rng.normal(size=shape).astype(np.float32)
  return {
      'convs.0.0.weight': draw(2, 3, 1, 1), 'convs.0.1.bias': draw(2),
      'convs.1.conv1.0.weight': draw(2, 2, 3, 3),
      'convs.1.conv1.1.bias': draw(2),
      'convs.1.conv2.0.kernel': np.float32(TAPS),
      'convs.1.conv2.1.weight': draw(3, 2, 3, 3),
      'convs.1.conv2.2.bias': draw(3),
      'convs.1.skip.0.kernel': np.float32(TAPS),
      'convs.1.skip.1.weight': draw(3, 2, 1, 1),
      'final_conv.0.weight': draw(3, 4, 3, 3), 'final_conv.1.bias': draw(3),
      'final_linear.0.weight': draw(3, 48), 'final_linear.0.bias': draw(3),
      'final_linear.1.weight': draw(1, 3), 'final_linear.1.bias': draw(1)}


def test_an_image_is_that_of_the_numpy_generator():
  w, z = their_generator(), normal(2, LATENT)
  image = jax.jit(lambda v, z: generator().apply(v, z, True))(
      from_rosinality(w), z)
  want = [numpy_generator(w, row).transpose(1, 2, 0) for row in z]
  np.testing.assert_allclose(image, want, rtol=1e-4, atol=1e-4)


def test_logits_are_those_of_the_numpy_discriminator():
  w, x = their_discriminator(), normal(B, SIZE, SIZE, 3)
  logits = jax.jit(lambda v, x: discriminator().apply(v, x, True))(
      from_rosinality(w), x)
  want = numpy_discriminator(w, x.transpose(0, 3, 1, 2))
  np.testing.assert_allclose(logits, want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('theirs, model', [
    (their_generator(), generator()), (their_discriminator(), discriminator())])
def test_weights_of_the_other_code_are_all_that_a_network_has(theirs, model):
  ours = from_rosinality(theirs)
  want = shapes(model)[0]
  assert jax.tree.map(np.shape, ours) == jax.tree.map(lambda s: s.shape, want)


# --- memory


def test_remat_changes_no_image_and_no_slope():
  def slope(model, z):
    rngs = {'noise': KEY}
    loss = lambda z: jnp.sum(jnp.sin(
        model.apply(filled(model), z, True, rngs=rngs)))
    return jax.value_and_grad(loss)(z)

  plain, again = jax.jit(lambda z: [
      slope(generator(remat=remat), z) for remat in (False, True)])(
          normal(B, LATENT))
  for a, b in zip(plain, again):
    np.testing.assert_allclose(a, b, rtol=1e-4,
                               atol=1e-5 * np.abs(a).max())


# --- randomness


def test_without_a_key_an_image_is_a_function_of_z_and_clipped():
  model, z = generator(), normal(2, LATENT)
  # The same z beside others: no sample looks at another.
  sample = jax.jit(lambda z: model.apply(filled(model), z, False))
  images = sample(z)
  np.testing.assert_allclose(images[::-1], sample(z[::-1]), rtol=1e-5,
                             atol=1e-5)
  assert np.abs(images).max() == 1.


def test_stored_noise_is_that_of_all_images():
  z = normal(2, LATENT)
  model = generator(stored_noise=True)
  images = jax.jit(lambda z: model.apply(filled(model), z, False))(z)
  free = jax.jit(lambda z: model.apply(filled(model), z, True))(z)
  assert np.abs(free).max() > 1.
  np.testing.assert_allclose(images, np.clip(free, -1, 1), rtol=1e-5,
                             atol=1e-5)


def test_outside_training_noise_is_that_of_the_latent():
  """Beside images of one style, which differ by nothing else."""
  model, z = generator(), normal(3, LATENT)
  v = filled(model)
  make = jax.jit(lambda keys: model.apply(
      v, np.zeros((3, 4, LATENT), np.float32), False, keys,
      method='synthesise'))
  keys = latent_noise.keys(z)
  images = make(keys)
  assert np.abs(images[0] - images[1]).max() > .01
  np.testing.assert_allclose(make(keys[::-1]), images[::-1], rtol=1e-5,
                             atol=1e-5)


def test_training_draws_noise_of_its_own_for_every_sample():
  # Where the mapping has only biases all styles are alike, mixed or not.
  def quiet(path, x):
    return 0. * x if 'noise_strength' in jax.tree_util.keystr(path) else x

  def without_kernels(path, x):
    mapping = "['mapping']" in jax.tree_util.keystr(path)
    return 0. * x if mapping and x.ndim == 2 else x

  alike = jax.tree_util.tree_map_with_path(without_kernels,
                                           filled(generator()))
  z = normal(4, LATENT)
  images = trained()(alike, z, KEY)
  assert np.abs(images[0] - images[1]).max() > .01
  assert np.abs(images - trained()(alike, z, jax.random.key(1))).max() > .01
  images = trained()(jax.tree_util.tree_map_with_path(quiet, alike), z, KEY)
  np.testing.assert_allclose(images[0], images[1], rtol=1e-5, atol=1e-6)


def test_a_batch_mixes_two_latents_at_one_place():
  model, z = generator(mixing=.6), normal(3, LATENT)
  v = filled(model)
  plain = model.apply(v, z, True, method='styles')
  keys = jax.random.split(KEY, 200)
  mixed = jax.jit(jax.vmap(lambda key: model.apply(
      v, z, True, rngs={'noise': key}, method='styles')))(keys)
  # [key, sample, layer]: whether it has the first latent's style.
  own = np.isclose(mixed, plain, rtol=1e-4, atol=1e-5).all(-1)
  assert (own == own[:, :1]).all()  # one place for all samples
  first = own[:, 0].sum(-1)  # layers of the first latent, of 4
  assert (own[:, 0] == (np.arange(4) < first[:, None])).all()
  share = [np.mean(first == k) for k in range(5)]
  assert share[0] == 0.
  np.testing.assert_allclose(share[1:], [.2, .2, .2, .4], atol=.1)
  # Evaluation mixes nothing, whatever key it is given.
  np.testing.assert_allclose(
      model.apply(v, z, False, rngs={'noise': KEY}, method='styles'), plain,
      rtol=1e-5)


def test_eight_devices_draw_the_noise_of_one():
  model, z = generator(axis_name='d'), normal(4, LATENT)
  v = filled(model)
  shards = jax.jit(jax.vmap(
      lambda z: model.apply(v, z, True, rngs={'noise': KEY}),
      axis_name='d'))(z.reshape(2, 2, LATENT))
  np.testing.assert_allclose(shards.reshape(4, SIZE, SIZE, 3),
                             trained()(v, z, KEY), rtol=1e-4, atol=1e-4)


def test_a_discriminator_over_devices_compares_the_whole_batch():
  x = normal(8, SIZE, SIZE, 3)
  v = filled(discriminator())
  sharded = discriminator(axis_name='d')
  shards = jax.jit(jax.vmap(lambda x: sharded.apply(v, x, True),
                            axis_name='d'))(x.reshape(4, 2, SIZE, SIZE, 3))
  whole = jax.jit(lambda x: discriminator().apply(v, x, True))(x)
  np.testing.assert_allclose(shards.reshape(-1), whole, rtol=1e-4, atol=1e-5)


def test_a_batch_that_is_no_whole_number_of_groups_is_refused():
  with pytest.raises(UserError, match='batch of 6'):
    jax.eval_shape(lambda x: discriminator().apply(
        filled(discriminator()), x, True), normal(6, SIZE, SIZE, 3))
