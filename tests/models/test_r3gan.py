"""R3GAN: numbers of the published modules, in float64.

The parameters are formulas, .5 sin(.37 i + k) for element i of tensor k, in
PyTorch's layouts and order; the numbers are those that the code published with
the paper (brownvc/R3GAN at 19a7ddf) gives for them on a CPU.
"""
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import build, steps
from jgan import config as configs
from jgan.compress import factorize
from jgan.errors import UserError
from jgan.layers import conv, factored
from jgan.losses import relativistic_pairing
from jgan.models import r3gan
from jgan.ops import flops
from jgan.ops.upfirdn import double, halve
from jgan.penalties import r1, r2
from jgan.types import Play, View

FIELDS = dict(size=16, colors=3, widths=(12, 8, 4), blocks=(1, 2, 1), group=4,
              classes=3, dtype=jnp.float64)
GEN = r3gan.Generator(latent=4, embedding=5, **FIELDS)
DISC = r3gan.Discriminator(**FIELDS)
LABELS = np.array([0, 2, 1])
GAMMA = 1.5


def tensor(k, *shape):
  """The k-th tensor in PyTorch's layout."""
  return .5 * np.sin(.37 * np.arange(math.prod(shape)) + k).reshape(shape)


def kernel(k, *shape):
  """A kernel [out, in, k, k] or a matrix [out, in], in Flax's layout."""
  x = tensor(k, *shape)
  return {'kernel': x.transpose(2, 3, 1, 0) if x.ndim == 4 else x.T}


def block(start, c):
  """The five tensors of a residual block with four channels in a group."""
  first, grouped, last = (
      kernel(start, 2 * c, c, 1, 1), kernel(start + 1, 2 * c, 4, 3, 3),
      kernel(start + 2, c, 2 * c, 1, 1))
  return {'conv_0': {**first, 'bias': tensor(start + 3, 2 * c)},
          'conv_1': {**grouped, 'bias': tensor(start + 4, 2 * c)},
          'conv_2': last}


def generator():
  return {
      'basis': {'basis': tensor(0, 12, 4, 4).transpose(1, 2, 0),
                'linear': kernel(1, 12, 9)},
      'block_0_0': block(2, 12), 'widen_1': kernel(7, 8, 12, 1, 1),
      'block_1_0': block(8, 8), 'block_1_1': block(13, 8),
      'widen_2': kernel(18, 4, 8, 1, 1), 'block_2_0': block(19, 4),
      'to_rgb': kernel(24, 3, 4, 1, 1), 'embed': kernel(25, 5, 3)}


def discriminator():
  return {
      'from_rgb': kernel(0, 4, 3, 1, 1), 'block_2_0': block(1, 4),
      'widen_2': kernel(6, 8, 4, 1, 1), 'block_1_0': block(7, 8),
      'block_1_1': block(12, 8), 'widen_1': kernel(17, 12, 8, 1, 1),
      'block_0_0': block(18, 12),
      'head': {**kernel(23, 12, 1, 4, 4), 'linear': kernel(24, 12, 12)},
      'embed': kernel(25, 12, 3)}


def nchw(x):
  return np.asarray(x).transpose(0, 3, 1, 2)


def norm(tree):
  return np.sqrt(sum(np.sum(np.square(x)) for x in jax.tree.leaves(tree)))


@pytest.fixture
def golden(double):
  """Images, logits, penalties, losses and gradients, compiled once."""
  real = np.sin(.013 * np.arange(3 * 3 * 16 * 16)).reshape(3, 3, 16, 16)
  z = np.sin(.7 * np.arange(12)).reshape(3, 4)

  @jax.jit
  def run(gen, disc, z, real):
    make = lambda gen: GEN.apply({'params': gen}, z, True, LABELS)
    judge = lambda disc, x: DISC.apply({'params': disc}, x, True, LABELS)
    fake = make(gen)

    def disc_loss(disc, share):
      seen = lambda x: judge(disc, x)
      play = Play(View(real, seen(real)), View(fake, seen(fake)), seen, None, z,
                  jax.random.key(0), jnp.int32(0))
      loss = relativistic_pairing.discriminator(play.real.logits,
                                                play.fake.logits)
      penalty = (r1.discriminator(play, gamma=GAMMA)
                 + r2.discriminator(play, gamma=GAMMA))
      return share * loss + penalty, (loss, play.real.logits, play.fake.logits)

    def gen_loss(gen):
      return relativistic_pairing.generator(judge(disc, real),
                                            judge(disc, make(gen)))

    squares = lambda x: jnp.square(jax.grad(
        lambda x: judge(disc, x).sum())(x)).sum((1, 2, 3))
    slope = jax.value_and_grad(disc_loss, has_aux=True)
    (total, parts), grads = slope(disc, 1.)
    (_, _), penalty_grads = slope(disc, 0.)
    return {'fake': fake, 'parts': parts, 'total': total, 'grads': grads,
            'penalty_grads': penalty_grads, 'r1': squares(real),
            'r2': squares(fake), 'gen': jax.value_and_grad(gen_loss)(gen)}

  with double():
    return jax.device_get(run(generator(), discriminator(), z,
                              real.transpose(0, 2, 3, 1)))


def test_both_networks_their_losses_and_all_gradients_are_the_published_ones(
    golden):
  near = lambda value, *want: np.testing.assert_allclose(
      value, np.squeeze(want), rtol=2e-10)
  fake = nchw(golden['fake'])
  near([fake.sum(), abs(fake).sum(), (fake**2).sum()],
       3629.40015076, 4785.14386943, 17511.0770877)
  near(fake[0, :, 0, 0], 3.1443219922, 3.57411591012, -2.49618020101)
  near(fake[0, :, 1, 2], 2.31779231746, 5.95588722685, -1.23773237749)
  near(fake[2, :, 15, 14], -1.03335593797, .251118660747, 1.07889461177)
  loss, real_logits, fake_logits = golden['parts']
  near(real_logits, .474242319077, -4.98863525565, .0934159451714)
  near(fake_logits, 7.76421373465, -10.8082575036, -4.050307662)
  near(golden['r1'], .661637729349, 1.32801616253, .225001174366)
  near(golden['r2'], .239502619552, .292717192145, .295392217196)
  near(loss, 2.43645233907)
  near(golden['total'], 3.19701911286)
  grads = golden['grads']
  near(norm(grads), 140.685443773)
  near(norm(grads['from_rgb'])**2, 67.9690317085)
  near(norm(grads['embed'])**2, 701.527801513)
  # Of the mean of both squared norms, not of half of gamma times it.
  near(norm(golden['penalty_grads']) * 2 / GAMMA, 35.4819165807)
  value, grads = golden['gen']
  near([value, norm(grads)], 3.32757715227, 180.742164425)


def test_maps_are_doubled_and_halved_as_published(double):
  with double():
    small = jnp.array([[1., 2.], [3., 4.]])[None, :, :, None]
    np.testing.assert_array_equal(
        double_of(small), [[.5625, .9375, 1.3125, 1.125],
                           [1.125, 1.75, 2.25, 1.875],
                           [1.875, 2.75, 3.25, 2.625],
                           [1.6875, 2.4375, 2.8125, 2.25]])
    large = jnp.arange(16.).reshape(1, 4, 4, 1)
    np.testing.assert_array_equal(halve(large)[0, :, :, 0],
                                  [[2.734375, 3.9375], [7.546875, 8.75]])


def double_of(x):
  return double(x)[0, :, :, 0]


def described(model, x, *labels):
  """Parameters, and maps that penalties look at."""
  variables = dict(jax.eval_shape(
      lambda key: model.init(key, x, True, *labels), jax.random.key(0)))
  count = sum(math.prod(p.shape) for p in jax.tree.leaves(variables['params']))
  return count, [h.shape[1:] for h in variables['features']['blocks']]


@pytest.mark.parametrize('size, fields, classes, gen, disc', [
    (32, {}, 0, 20_732_160, 20_683_776),
    (32, {}, 10, 20_781_952, 21_280_512),
    (64, {}, 0, 22_429_824, 22_381_440),
    (256, {}, 0, 23_057_952, 23_009_568),
    (32, {'width': 1536, 'most': 1536, 'group': 32}, 1000, 82_914_304,
     86_548_992),
    (64, {'width': 1536, 'most': 1536, 'group': 32}, 1000, 103_570_432,
     107_205_120)])
def test_the_published_networks_have_their_parameters(size, fields, classes,
                                                      gen, disc):
  labels = [jnp.zeros(1, jnp.int32)] if classes else []
  count, maps = described(
      r3gan.Generator(size, 3, classes=classes, **fields), jnp.zeros((1, 64)),
      *labels)
  assert count == gen
  assert [h[0] for h in maps] == [4 * 2**i for i in range(len(maps))]
  count, shown = described(
      r3gan.Discriminator(size, 3, classes=classes, **fields),
      jnp.zeros((1, size, size, 3)), *labels)
  assert count == disc and shown == maps[::-1]


def test_a_block_starts_as_nothing_and_kernels_by_the_number_of_blocks():
  model = r3gan.Generator(8, 3, width=32, blocks=(1, 2), classes=3)
  params = jax.jit(lambda key: model.init(
      key, jnp.zeros((1, 64)), True, jnp.zeros(1, jnp.int32))['params'])(
          jax.random.key(0))
  assert not np.any(params['block_1_1']['conv_2']['kernel'])
  std = lambda x, fan: np.std(x) * math.sqrt(fan)
  near = lambda value, want, rtol: np.testing.assert_allclose(value, want, rtol)
  first, gain = params['block_0_0'], 1.3867505 * 3**-.25
  near(std(first['conv_0']['kernel'], 64), gain, .03)
  near(std(first['conv_1']['kernel'], 9 * 16), gain, .03)
  near(std(params['widen_1']['kernel'], 64), 1., .05)
  near(std(params['embed']['kernel'], 3), 1., .2)
  near(np.std(params['basis']['basis']), 1., .1)
  assert not np.any(first['conv_0']['bias'])
  np.testing.assert_allclose(
      [r3gan._GAIN * n**-.25 for n in (8, 10, 14)],
      [.8245668, .7798271, .7169128], rtol=1e-6)


def test_the_first_stages_stay_exact_in_bfloat16():
  def types(exact):
    model = r3gan.Discriminator(16, 3, width=4, exact=exact,
                                dtype=jnp.bfloat16)
    x = jnp.zeros((2, 16, 16, 3))
    return [h.dtype.name for h in jax.eval_shape(
        lambda key: model.init(key, x, True), jax.random.key(0))[
            'features']['blocks']]

  assert types(1) == ['bfloat16', 'bfloat16', 'float32']
  assert types(0) == ['bfloat16'] * 3
  assert types(9) == ['float32'] * 3


def test_octaves_are_within_the_blocks():
  model = r3gan.Generator(16, 3, width=16, most=16, group=8, conv=conv.octave)
  z = jnp.zeros((2, 64))
  variables = dict(jax.eval_shape(lambda key: model.init(key, z, True),
                                  jax.random.key(0)))
  assert all(h.ndim == 4 for h in variables.pop('features')['blocks'])
  paths = variables['params']['block_1_0']['conv_1']
  assert {*paths} == {'high_high', 'low_high', 'low_low', 'high_low'}
  assert {path['kernel'].shape for path in paths.values()} == {(3, 3, 4, 16)}
  plain = model.clone(conv=conv.plain)
  macs = lambda model, variables: flops.total(
      flops.layers(model, variables, z)).macs
  whole = macs(plain, {'params': jax.eval_shape(
      lambda key: plain.init(key, z, True), jax.random.key(0))['params']})
  assert macs(model, variables) < .75 * whole


@pytest.mark.parametrize('fields, labels, words', [
    ({'widths': (4, 4)}, None, r'widths is \(4, 4\).*3 stages'),
    ({'blocks': (1, 0, 1)}, None, r'blocks is \(1, 0, 1\)'),
    ({'width': 11, 'most': 11, 'group': 5}, None, '4 groups'),
    ({'classes': 3}, None, 'classes=3, and no labels are given'),
    ({}, np.zeros(1, int), 'classes=0, and labels are given'),
    ({'classes': 3, 'outputs': 2}, np.zeros(1, int), '2 outputs and 3 classes'),
])
def test_networks_that_do_not_fit_are_refused(fields, labels, words):
  model = r3gan.Discriminator(16, 3, **fields)
  with pytest.raises(UserError, match=words):
    jax.eval_shape(lambda key: model.init(
        key, jnp.zeros((1, 16, 16, 3)), True, labels), jax.random.key(0))


def update_of_disc(penalties, plain):
  """The update of D, its arguments, and its multiply-accumulates as written."""
  c = configs.base()
  c.batch, c.data = 4, {'name': 'digits', 'size': 8}
  for player in ('generator', 'discriminator'):
    c[player] = {'name': 'r3gan', 'width': 16, 'most': 16, 'blocks': (1, 1)}
  c.loss = {'name': 'relativistic_pairing'}
  c.augment = ({'name': 'diffaugment'},) if plain else ()
  c.penalties = tuple({'name': name, 'plain': plain} for name in penalties)
  c = configs.complete(c)
  shape = build.spec(c).shape
  state = build.abstract(c, build.method(c))
  parts = build.game(c)
  update = functools.partial(
      steps.disc_update, models=build.models(c, shape), tx=build.optimizers(c),
      **{name: parts[name] for name in ('loss', 'penalties', 'augment')})
  arguments = (state, jax.ShapeDtypeStruct((4, *shape), jnp.float32),
               jax.ShapeDtypeStruct((4, 64), jnp.float32), jax.random.key(0))
  work = flops.work(update, *arguments)
  return update, arguments, sum(macs for _, macs, _ in work)


def test_r1_and_r2_share_one_backward_pass_and_the_forward_passes_of_the_loss():
  """So that one batch of real and generated images would save nothing more."""
  *_, none = update_of_disc((), False)
  *_, one = update_of_disc(('r1',), False)
  update, arguments, both = update_of_disc(('r1', 'r2'), False)
  np.testing.assert_allclose(both - none, 2 * (one - none), rtol=1e-6)
  compiled = jax.jit(update).lower(*arguments).compile()
  done = compiled.cost_analysis()['flops'] / 2
  judged = flops.total(flops.layers(
      r3gan.Discriminator(8, 1, width=16, most=16, blocks=(1, 1)),
      {'params': arguments[0].disc.params}, arguments[1])).macs
  # Counted as written, a penalty passes once more through D for each image.
  assert done < both - 2 * 4 * judged * .9


def test_penalties_of_images_before_augmentation_go_through_it():
  update, arguments, macs = update_of_disc(('r1', 'r2'), True)
  _, metrics = jax.eval_shape(update, *arguments)
  assert {'r1', 'r2'} <= {*metrics}
  *_, without = update_of_disc(('r1', 'r2'), False)
  assert macs > without


def test_convolutions_without_groups_can_be_factored_and_others_say_no():
  model = r3gan.Generator(8, 1, latent=4, width=8, most=8, group=8,
                          blocks=(1, 1))
  shapes = jax.eval_shape(lambda key: model.init(key, jnp.zeros((1, 4)), True),
                          jax.random.key(0))['params']
  rng = np.random.default_rng(0)
  params = jax.tree.map(lambda x: rng.normal(size=x.shape).astype(np.float32),
                        dict(shapes))
  layers = {f'block_{i}_0/conv_{j}': {'form': 'svd', 'rank': 8}
            for i in (0, 1) for j in (0, 2)}
  factors, _ = factorize.factorize(params, layers)
  z = rng.normal(size=(2, 4)).astype(np.float32)
  make = lambda model, params: model.apply({'params': params}, z, False)
  np.testing.assert_allclose(make(factored.module(model, layers), factors),
                             make(model, params), rtol=1e-3, atol=1e-3)
  with pytest.raises(UserError, match="conv_1' has 2 groups"):
    factored.module(model, {'block_0_0/conv_1': {'form': 'cp', 'rank': 2}})
