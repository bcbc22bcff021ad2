"""ProGAN against numpy, and the counts of specs/re_gan.md 12.1 (tables 'paper':
those of the repository BB, of Karras et al.'s channels).
"""
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan.errors import UserError
from jgan.layers import act
from jgan.layers.resize import downsample, upsample
from jgan.models import progan
from jgan.ops import flops

PAPER = {'table': 'paper', 'act': act.leaky_relu, 'last_gain': 1.}
VARIANTS = {
    'regan': ({}, {}),
    'paper': ({**PAPER, 'pixel_norm': 'after', 'normalise': True,
               'stem_fan': 'in', 'stem_convs': 1, 'tanh': False},
              {**PAPER, 'pixel_norm': 'none', 'hidden': 'in', 'rgb_act': True,
               'group': 4})}


def shapes(model):
  x = jnp.zeros((1, model.latent) if hasattr(model, 'latent') else
                (1, model.size, model.size, model.colors))
  found = dict(jax.eval_shape(lambda k: model.init(k, x, True),
                              jax.random.key(0)))
  found.pop('features')
  return x, found


def filled(model, alpha=1.):
  rng = np.random.default_rng(0)
  return {'params': jax.tree.map(
      lambda p: rng.normal(size=p.shape).astype(np.float32),
      shapes(model)[1]['params']), 'schedule': {'alpha': jnp.float32(alpha)}}


def numbers(*shape, seed=1):
  return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def at(model, stage=0):
  return jax.jit(lambda v, x: model.clone(stage=stage).apply(v, x, False))


def faded(variables, alpha):
  return {**variables, 'schedule': {'alpha': jnp.float32(alpha)}}


# The same networks in numpy, in float64.


def np_conv(x, layer, gain, padding):
  kernel = np.asarray(layer['kernel'], np.float64)
  k = kernel.shape[0]
  kernel = kernel * gain / np.sqrt(k * k * kernel.shape[2])
  x = np.pad(x, ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0)))
  windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), (1, 2))
  return np.einsum('bhwcij,ijcd->bhwd', windows, kernel) + layer['bias']


def np_pixel(x):
  return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-8)


def np_activate(model, x):
  slope = .1 if model.act is act.leaky_relu_tenth else .2
  leak = lambda x: np.maximum(x, slope * x)
  return {'before': lambda: leak(np_pixel(x)),
          'after': lambda: np_pixel(leak(x)), 'none': lambda: leak(x)}[
              model.pixel_norm]()


def np_up(x):
  return x.repeat(2, 1).repeat(2, 2)


def np_down(x):
  return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2]
          + x[:, 1::2, 1::2]) / 4


def np_generator(model, params, z, alpha):
  x = z.astype(np.float64)
  x = np_pixel(x) if model.normalise else x
  kernel = np.asarray(params['stem']['kernel'], np.float64)
  fan = {'in': model.latent, 'out': kernel.shape[-1]}[model.stem_fan]
  kernel = kernel * math.sqrt(2) / math.sqrt(16 * fan)
  x = np.einsum('bl,ijlc->bijc', x, kernel) + params['stem']['bias']
  x = np_activate(model, x)
  images, size = [], 4
  while size <= model.size:
    x = np_up(x) if size > 4 else x
    for i in range(model.stem_convs if size == 4 else 2):
      x = np_activate(model, np_conv(x, params[f'conv_{size}_{i}'],
                                     math.sqrt(2), 1))
    images.append(np_conv(x, params[f'to_rgb_{size}'], model.last_gain, 0))
    size *= 2
  image = alpha * images[-1] + (1 - alpha) * np_up(images[-2])
  return np.tanh(image) if model.tanh else image


def np_stddev(x, group):
  out = np.zeros((*x.shape[:3], 1))
  m = len(x) // group
  for first in range(m):
    out[first::m] = np.sqrt(x[first::m].var(0) + 1e-8).mean()
  return np.concatenate([x, out], -1)


def np_discriminator(model, params, image, alpha):
  def read(size, image):
    h = np_conv(image, params[f'from_rgb_{size}'], math.sqrt(2), 0)
    return np.maximum(h, .2 * h) if model.rgb_act else h
  size = model.size
  x = read(size, image.astype(np.float64))
  while size > 4:
    for i in range(2):
      x = np_activate(model, np_conv(x, params[f'conv_{size}_{i}'],
                                     math.sqrt(2), 1))
    x, size = np_down(x), size // 2
    if size == model.size // 2:
      x = alpha * x + (1 - alpha) * read(size, np_down(image))
  x = np_stddev(x, model.group or len(x))
  x = np_activate(model, np_conv(x, params['conv_4_0'], math.sqrt(2), 1))
  x = np_activate(model, np_conv(x, params['conv_4_1'], math.sqrt(2), 0))
  x = x[:, 0, 0]
  kernel = np.asarray(params['linear']['kernel'], np.float64)
  return (x @ kernel * model.last_gain / np.sqrt(x.shape[-1])
          + params['linear']['bias'])[:, 0]


@pytest.mark.parametrize('variant', VARIANTS)
def test_both_networks_are_those_that_numpy_computes(variant):
  fields, disc_fields = VARIANTS[variant]
  gen = progan.Generator(16, 3, latent=5, width=4, **fields)
  # At 64 pixels the channels change.
  disc = progan.Discriminator(64, 3, width=4, **disc_fields)
  z, image = numbers(3, 5), numbers(8, 64, 64, 3)
  for model, x, oracle in ((gen, z, np_generator),
                           (disc, image, np_discriminator)):
    variables = filled(model)
    run = at(model)
    for alpha in (.3, 1.):
      np.testing.assert_allclose(
          run(faded(variables, alpha), x),
          oracle(model, variables['params'], x, alpha), rtol=2e-4, atol=2e-4)


def test_with_no_new_layers_the_generator_repeats_the_pixels_of_the_old():
  model = progan.Generator(16, 3, latent=5, width=4)
  variables, z = filled(model), numbers(2, 5)
  images = {s: at(model, s)(variables, z) for s in (4, 8, 16)}
  assert {s: i.shape for s, i in images.items()} == {
      s: (2, s, s, 3) for s in images}
  start = faded(variables, 0.)
  np.testing.assert_array_equal(at(model, 16)(start, z), upsample(images[8]))
  # Only the images of 4 pixels have no tanh.
  assert np.abs(images[4]).max() > 1
  np.testing.assert_allclose(at(model, 8)(start, z),
                             np.tanh(upsample(images[4])), rtol=1e-6)


def test_with_no_new_layers_the_discriminator_sees_what_the_old_one_saw():
  model = progan.Discriminator(16, 3, width=4)
  variables, x = filled(model), numbers(2, 16, 16, 3)
  np.testing.assert_allclose(
      at(model, 16)(faded(variables, 0.), x),
      at(model, 8)(variables, downsample(x)), rtol=1e-5)
  assert at(model, 4)(variables, x[:, :4, :4]).shape == (2,)


def test_outside_of_its_range_alpha_means_the_new_layers_and_is_traced():
  for model, x in ((progan.Generator(8, 3, latent=5, width=4), numbers(2, 5)),
                   (progan.Discriminator(8, 3, width=4), numbers(2, 8, 8, 3))):
    variables, run = filled(model), at(model)
    plain = run(variables, x)
    for alpha in (-1., 1.5):
      np.testing.assert_array_equal(run(faded(variables, alpha), x), plain)
    assert np.abs(run(faded(variables, .5), x) - plain).max() > 1e-3
    assert run._cache_size() == 1


def test_a_stage_has_the_variables_of_all_and_moves_only_its_own():
  models = (progan.Generator(16, 3, latent=5, width=4),
            progan.Discriminator(16, 3, width=4))
  for model, x in zip(models, (numbers(2, 5), numbers(2, 8, 8, 3))):
    variables = filled(model, .5)
    model = model.clone(stage=8)
    slopes = jax.jit(jax.grad(lambda p, v, x, m=model: jnp.sum(
        m.apply({**v, 'params': p}, x, True)**2)))(
            variables['params'], variables, x)
    moved = {name for name, slope in slopes.items()
             if np.abs(slope['kernel']).max() > 0}
    rgb = 'to_rgb' if hasattr(model, 'latent') else 'from_rgb'
    still = {'conv_16_0', 'conv_16_1', f'{rgb}_16'}
    assert still < set(slopes) and moved == set(slopes) - still


def old_path(rows, size):
  """The work of the blend, which the plain path of the goldens has not."""
  return sum(r.macs for r in rows if r.name.endswith(f'_rgb_{size // 2}'))


@pytest.mark.parametrize('size, gen_params, gen_macs, disc_params, disc_macs', [
    (32, 23_079_436, 6_423_052_288, 20_726_785, 6_385_377_792),
    (64, 24_850_191, 13_672_382_464, 24_267_777, 20_882_465_280)])
def test_the_networks_of_re_gan_have_their_parameters_and_work(
    size, gen_params, gen_macs, disc_params, disc_macs):
  for player, params, macs in (('Generator', gen_params, gen_macs),
                               ('Discriminator', disc_params, disc_macs)):
    model = getattr(progan, player)(size, 3)
    x, variables = shapes(model)
    rows = flops.layers(model, variables, x)
    total = flops.total(rows)
    assert total.params == params
    assert total.macs - old_path(rows, size) == macs
    assert len(jax.tree.leaves(variables['params'])) == {32: 26, 64: 32}[size]


# 23,079,115 is also the published generator; 23,087,249, its discriminator,
# is counted by hand: BB's with the other order of channels in a stage.
@pytest.mark.parametrize('player, fields, count', [
    ('Generator', {'stem_convs': 1}, 23_079_115),
    ('Discriminator', {}, 25_444_737),
    ('Generator', {'stem_convs': 1, 'width': 256, 'latent': 256}, 5_772_979),
    ('Discriminator', {'width': 256}, 6_366_529),
    ('Discriminator', {'hidden': 'in'}, 23_087_249)])
def test_nine_stages_have_the_published_parameters(player, fields, count):
  _, variables = shapes(getattr(progan, player)(1024, 3, table='paper',
                                                **fields))
  assert sum(math.prod(p.shape)
             for p in jax.tree.leaves(variables['params'])) == count


def test_equalised_kernels_start_as_standard_normal_numbers():
  layer = progan._equalized(progan.Generator(4, 3))(progan.Conv, 32)
  params = layer.init(jax.random.key(0), jnp.zeros((1, 1, 1, 32)))['params']
  np.testing.assert_allclose(np.std(params['kernel']), 1., rtol=.05)
  assert not params['bias'].any()


def test_the_deviation_of_the_batch_does_not_see_how_many_devices_there_are():
  for group in (0, 4):
    model = progan.Discriminator(4, 3, width=4, group=group)
    variables, x = filled(model), numbers(8, 4, 4, 3)
    sharded = model.clone(axis_name='devices')
    shards = jax.jit(jax.vmap(
        lambda v, x, m=sharded: m.apply(v, x, True), (None, 0),
        axis_name='devices'))(variables, x.reshape(4, 2, 4, 4, 3))
    np.testing.assert_allclose(shards.reshape(8), at(model)(variables, x),
                               rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('player, fields, message', [
    ('Generator', {'stage': 12}, 'no stage 12 on the way to 16.*known: 4, 8'),
    ('Generator', {'stage': 32}, 'no stage 32 on the way to 16'),
    ('Generator', {'size': 512}, 'size 512 does not suit.*128, 256\\b'),
    ('Generator', {'table': 'papr'}, "no table 'papr': did you mean 'paper'"),
    ('Generator', {'pixel_norm': 'befor'}, "no pixel_norm.*mean 'before'"),
    ('Discriminator', {'hidden': 'i'}, "no hidden 'i'.*known: out, in")])
def test_what_it_cannot_be_is_refused(player, fields, message):
  with pytest.raises(UserError, match=message):
    shapes(getattr(progan, player)(**{'size': 16, 'colors': 3, **fields}))
