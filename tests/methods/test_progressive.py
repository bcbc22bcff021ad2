"""Progressive growing: its calendar, what a stage sees and trains, sampling."""
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.re_gan import progan
from jgan import build, forward, steps
from jgan import config as configs
from jgan.errors import UserError
from jgan.methods import progressive
from jgan.methods.progressive import Stage
from jgan.optim import algorithms, masked
from jgan.run import checkpoint, feeding, loop, parallel
from jgan.run.logbook import read
from tests.rounding import assert_replicated, assert_same_but_rounding

STAGES, BATCHES, END = (2, 3, 2), (16, 8, 8), 7


def growing(**changes):
  """The config of a run from 4 to 16 pixels; changes: {'a.b': value}."""
  c = configs.base()
  c.steps, c.batch, c.devices = END, 8, 1
  c.data = {'name': 'digits', 'size': 16}
  c.pipeline.update({'flip': True, 'dequantize': True})
  # A leaky unit near 0 may turn over by rounding.
  c.generator = {'name': 'progan', 'latent': 4, 'width': 4, 'act': 'swish'}
  c.discriminator = {'name': 'progan', 'width': 4, 'act': 'swish'}
  c.method = {'name': 'progressive', 'stages': STAGES, 'batches': BATCHES,
              'fade': .5, 'smooth': True}
  for player in ('gen', 'disc'):  # Adam magnifies rounding
    c.optimizer[player] = {
        'name': 'sgd', 'lr': .001, 'momentum': .5, 'groups': (),
        'schedule': {'name': 'constant'}, 'clip_norm': 0., 'clip_weight': 0.,
        'pruning': {'name': 'none'}}
  c.ema.decay = .5
  c.log.every = 1
  c.samples.every = 0
  c.checkpoint.update({'every': 1, 'keep': END})
  c.update_from_flattened_dict(changes)
  return c


def method_of(**changes):
  return build.method(growing(**changes))


def stage_of(method, size):
  return method.step[f'stage_{size}'].keywords['stage']


@functools.cache
def first():
  """A method and its first state, from numpy."""
  method = method_of()
  like = jax.eval_shape(method.init, jax.random.key(0),
                        {'image': jnp.zeros((1, 1, 16, 16, 1))})
  rng = np.random.default_rng(0)
  draw = lambda x: jnp.asarray(rng.normal(size=x.shape), x.dtype)
  zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), like)
  params = jax.tree.map(draw, (like.gen.params, like.disc.params))
  return method, zeros.replace(
      gen=zeros.gen.replace(params=params[0]),
      disc=zeros.disc.replace(params=params[1]),
      ema=zeros.ema.replace(params=params[0]))


@pytest.fixture(scope='module')
def unbroken(tmp_path_factory):
  """A whole run: folder, last state, names of what was compiled."""
  folder, compiled = tmp_path_factory.mktemp('whole'), []
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(loop, 'report_compiled',
                  lambda name, *_: compiled.append(name))
    state = loop.run(growing(), folder)
  return folder, state, compiled


@pytest.fixture(scope='module')
def history(unbroken):
  """step -> the state of the unbroken run after it."""
  saved = checkpoint.Checkpoints(unbroken[0] / 'checkpoints', read_only=True)
  like = jax.eval_shape(lambda: unbroken[1])
  yield lambda step: saved.choose(like, step=step)
  saved.close()


def equal(a, b):
  return jax.tree.all(jax.tree.map(np.array_equal, a, b))


# The calendar.


def test_alpha_of_re_gan_counts_epochs_from_one_over_the_whole_stage():
  """(batch + epoch L) / (N L), epoch = 1 ... N, here of N = 3 and L = 4."""
  stage = Stage(8, first=100, steps=12, batch=5, fade=1., ahead=20)
  want = [min(1., (i + epoch * 4) / 12) for epoch in (1, 2, 3)
          for i in range(4)]
  found = [stage.alpha(100 + t) for t in range(12)]
  np.testing.assert_allclose(found, want, rtol=1e-6)
  assert found[0] == pytest.approx(1 / 3) and found[7] < 1. == found[8]


def test_alpha_of_the_original_rises_through_the_first_half():
  stage = Stage(8, first=100, steps=12, batch=5, fade=.5)
  np.testing.assert_allclose(
      [stage.alpha(100 + t) for t in range(12)],
      [0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1, 1, 1, 1, 1, 1], rtol=1e-6)
  assert Stage(4, 0, 12, 5, fade=.5).alpha(0) == 1.


def test_the_turns_of_a_run_are_those_of_its_stages():
  plan = method_of(critics=2).plan
  turns = [plan(s) for s in range(END + 2)]  # data is read ahead
  assert [t.name for t in turns] == [
      *['stage_4'] * 2, *['stage_8'] * 3, *['stage_16'] * 4]
  assert [t.batch for t in turns] == [16] * 2 + [8] * 7
  # In batches of 8: 8 before the second stage, two turns of 16 pairs.
  assert [t.index for t in turns] == [0, 1, 4, 5, 6, 7, 8, 9, 10]
  assert {t.critics for t in turns} == {2}


def test_no_image_comes_twice_where_batches_do_not_divide():
  plan = method_of(**{'method.batches': (5, 16, 8)}).plan
  ends = [(t.index * t.batch, (t.index + 1) * t.batch)
          for t in map(plan, range(END))]
  assert ends == [(0, 5), (5, 10), (16, 32), (32, 48), (48, 64), (64, 72),
                  (72, 80)]


def test_by_default_the_stages_are_equal_parts():
  method = method_of(**{'method.stages': (), 'method.batches': (),
                        'steps': 10})
  assert [(stage_of(method, s).steps, stage_of(method, s).batch)
          for s in (4, 8, 16)] == [(3, 8), (3, 8), (4, 8)]


# What a stage sees.


def test_images_are_averaged_over_squares():
  images = np.random.default_rng(0).normal(size=(2, 16, 16, 3))
  want = [[[[images[b, 4 * i:4 * i + 4, 4 * j:4 * j + 4, c].mean()
             for c in range(3)] for j in range(4)] for i in range(4)]
          for b in range(2)]
  np.testing.assert_allclose(progressive.pool(images, 4), want, rtol=1e-12)
  np.testing.assert_array_equal(progressive.pool(images, 16), images)
  large = progressive.enlarge(jnp.asarray(want, jnp.float32), 16)
  np.testing.assert_array_equal(large[1, 7, 12], np.float32(want)[1, 1, 3])
  np.testing.assert_allclose(progressive.pool(large, 4), want, rtol=1e-6)


@pytest.mark.parametrize('size, step, smooth, alpha', [
    (4, 1, True, 1.), (8, 3, True, 2 / 3), (8, 3, False, 2 / 3),
    (16, 6, True, 1.)])
def test_the_discriminator_is_shown_the_images_of_its_stage(
    size, step, smooth, alpha, monkeypatch):
  shown = {}

  def gan_step(state, batch, rng, *, models, prepare, schedule, **rest):
    del rest
    shown.update(models=models, values=schedule(state.step),
                 images=prepare(rng, batch['image'][0]))
    return state, {}

  monkeypatch.setattr(steps, 'gan_step', gan_step)
  method, state = first()
  raw = np.random.default_rng(1).integers(
      0, 256, (1, 2, 16, 16, 1)).astype(np.float32)
  method.step[f'stage_{size}'](
      state.replace(step=jnp.int32(step)), {'image': raw}, jax.random.key(0),
      smooth=smooth, prepare=lambda rng, images: images / 127.5 - 1.)
  small = lambda x, n: x.reshape(2, n, len(x[0]) // n, n, -1, 1).mean((2, 4))
  want = small(raw[0] / 127.5 - 1., size)
  if smooth and alpha < 1.:
    old = small(want, size // 2).repeat(2, 1).repeat(2, 2)
    want = alpha * want + (1. - alpha) * old
  np.testing.assert_allclose(shown['images'], want, atol=1e-6)
  assert [m.stage for m in shown['models']] == [size] * 2
  for values in shown['values']:  # of training, and of the average
    assert values == {'alpha': pytest.approx(alpha), 'stage': size}


# Runs.


def test_each_stage_is_compiled_once_and_says_where_it_is(unbroken):
  folder, state, compiled = unbroken
  assert compiled == ['stage_4', 'stage_8', 'stage_16']
  records = read(folder)
  assert [r['schedule/stage'] for r in records] == [4, 4, 8, 8, 8, 16, 16]
  np.testing.assert_allclose([r['schedule/alpha'] for r in records],
                             [1, 1, 0, 2 / 3, 1, 0, 1], rtol=1e-6)
  assert len({frozenset(r) for r in records}) == 1
  assert int(state.step) == END


def test_a_stage_goes_on_from_the_layers_of_the_one_before(history):
  """Those above are left alone, exactly, until theirs begins."""
  def moved(before, after):
    return {player: {
        name for name, old in getattr(before, player).params.items()
        if not equal(old, getattr(after, player).params[name])}
        for player in ('gen', 'disc')}

  base = {'conv_4_0', 'conv_4_1'}
  of_8 = {'conv_8_0', 'conv_8_1'}
  of_16 = {'conv_16_0', 'conv_16_1'}
  one, three, five, last = (history(s) for s in (1, 3, 5, END))
  assert moved(one, history(2)) == {
      'gen': base | {'stem', 'to_rgb_4'},
      'disc': base | {'linear', 'from_rgb_4'}}
  # At alpha = 0 new layers of G are not in play yet.
  assert moved(three, five) == {
      'gen': base | of_8 | {'stem', 'to_rgb_4', 'to_rgb_8'},
      'disc': base | of_8 | {'linear', 'from_rgb_4', 'from_rgb_8'}}
  # Momentum, .5 here, moves what the stage before left.
  assert moved(five, last) == {
      'gen': base | of_8 | of_16 | {'stem', *(f'to_rgb_{s}' for s in (
          4, 8, 16))},
      'disc': base | of_8 | of_16 | {'linear', *(f'from_rgb_{s}' for s in (
          4, 8, 16))}}


def test_a_run_stopped_while_a_stage_blends_in_goes_on_bit_for_bit(
    unbroken, tmp_path, interrupted):
  interrupted(growing(), tmp_path, step=4)
  assert equal(loop.run(growing(), tmp_path), unbroken[1])
  assert read(tmp_path) == read(unbroken[0])


@pytest.mark.parametrize('start', [0, 1])
def test_streamed_images_are_those_of_the_device(start):
  source, fed = np.arange(40).reshape(40, 1, 1, 1).astype(np.uint8), {}
  for placement in ('device', 'stream'):
    c = growing(**{'pipeline.placement': placement})
    with feeding.fed(c, method_of().plan, source, parallel.layout(c), start,
                  1) as (data, feed):
      fed[placement] = [x.ravel() if data is None else
                        np.asarray(data[x]).ravel() for _, x in feed]
  assert [len(x) for x in fed['stream']] == [*[16] * 2, *[8] * 5][start:]
  np.testing.assert_array_equal(np.concatenate(fed['device']),
                                np.concatenate(fed['stream']))


@pytest.mark.long
def test_eight_devices_grow_the_network_of_one(unbroken, tmp_path):
  state = loop.run(growing(devices=8), tmp_path)
  assert_same_but_rounding(state, unbroken[1])
  assert_replicated(state)


@pytest.mark.parametrize('reset', [True, False])
def test_the_optimizers_begin_anew_where_that_is_asked_for(reset, monkeypatch):
  method, state = first()
  state = state.replace(gen=state.gen.replace(
      opt=jax.tree.map(jnp.ones_like, state.gen.opt)))
  monkeypatch.setattr(steps, 'gan_step', lambda state, *_, **__: (state, {}))
  step = functools.partial(method.step['stage_8'], reset=reset)
  for now, anew in ((2, reset), (3, False)):
    after, _ = step(state.replace(step=jnp.int32(now)), None, None)
    fill = 0. if anew else 1.
    assert all((x == fill).all() for x in jax.tree.leaves(after.gen.opt))
    assert equal(after.gen.params, state.gen.params)


@pytest.mark.parametrize('row', progan.ROWS)
def test_recipes_count_the_updates_of_each_layer_and_share_the_fakes(row):
  c = progan.get_config(row)
  assert [c.optimizer[p].counts for p in ('gen', 'disc')] == ['own'] * 2
  assert c.gen_noise == 'shared'


def test_re_progan_on_cifar10_begins_and_turns_after_ten_epochs_of_its_end():
  c = configs.complete(progan.get_config('re_cifar10'))
  first, *turns = build.spans(c).gen
  epoch = 50_000 / c.batch
  assert first.end - sum(c.method.stages[:-1]) == pytest.approx(10 * epoch,
                                                                rel=.03)
  for turn in turns:  # the last one is whole
    assert turn.end - turn.first == pytest.approx(10 * epoch, rel=.05)
  assert turns[-1].end == c.steps and turns[-1].phase == masked.DENSE


def test_the_first_update_of_a_new_layer_is_an_ordinary_one():
  """One learning rate, where a count of all made it 1 / sqrt(1 - b2) = 10."""
  _, state = first()
  tx = algorithms.adam(1e-3, b1=0., b2=.99, counts='own')
  model = build.models(growing(), (16, 16, 1)).disc

  @functools.partial(jax.jit, static_argnums=0)
  def largest(stage, net, opt):
    """The largest update of each layer, and the optimizer's state."""
    net = forward.scheduled(net, {'alpha': .5, 'stage': stage})
    grads = jax.grad(lambda p: jnp.sum(forward.judge(
        model.clone(stage=stage), p, net.stats, jnp.ones((2, stage, stage, 1)),
        jax.random.key(0))[0].logits**2))(net.params)
    updates, opt = tx.update(grads, opt)
    return {name: jnp.max(jnp.stack([
        jnp.abs(x).max() for x in jax.tree.leaves(layer)]))
            for name, layer in updates.items()}, opt

  opt = tx.init(state.disc.params)
  for _ in range(3):
    old, opt = largest(4, state.disc, opt)
  assert old['from_rgb_8'] == old['conv_8_0'] == 0.
  new, _ = largest(8, state.disc, opt)
  for name in ('from_rgb_8', 'conv_8_0', 'conv_8_1'):
    assert new[name] == pytest.approx(1e-3, rel=1e-3), name


# Sampling.


def test_what_is_sampled_is_the_image_of_the_stage_reached_enlarged():
  method, state = first()
  z = np.random.default_rng(2).normal(size=(3, 4)).astype(np.float32)
  draw = jax.jit(method.sample)
  model = build.models(growing(), (16, 16, 1)).gen
  alone = {size: jax.jit(functools.partial(
      forward.sample, model.clone(stage=size))) for size in (4, 8, 16)}
  for size, alpha in ((4, 1.), (8, .3), (16, .6), (16, 1.)):
    net = forward.scheduled(state.ema, {'stage': size, 'alpha': alpha})
    images = draw(net, z)
    k, own = 16 // size, np.asarray(alone[size](net, z))
    want = own.repeat(k, axis=1).repeat(k, axis=2)
    assert images.shape == (3, 16, 16, 1)
    np.testing.assert_allclose(images, want, atol=1e-5)
  assert draw._cache_size() == 1


def test_sampling_makes_one_pass_through_the_network():
  """XLA's count of its work, against that of the last stage alone."""
  method, state = first()
  z = jnp.zeros((3, 4))
  model = build.models(growing(), (16, 16, 1)).gen

  def convolutions(function):
    text = jax.jit(function).lower(state.ema, z).compile().as_text()
    return text.count(' convolution(') + text.count(' dot(') + text.count(
        'custom-call(')

  alone = convolutions(functools.partial(forward.sample, model))
  # Beside them only the layers that make images of the earlier stages.
  assert convolutions(method.sample) - alone == 1


# Mistakes.


@pytest.mark.parametrize('changes, words', [
    ({'method.stages': (2, 3, 3)}, 'have 8 steps in all and config.steps is 7'),
    ({'method.stages': (3, 4)}, 'has 2 entries, 3 stages .*: 4, 8, 16'),
    ({'method.stages': (7, 0, 0)}, r'stages is \(7, 0, 0\): whole numbers'),
    ({'method.batches': (8, 8, '8')}, r"batches is \(8, 8, '8'\): whole num"),
    ({'method.batches': (8, 8)}, 'method.batches has 2 entries'),
    ({'method.batches': (8, 8, 4)}, 'ends with 4 and config.batch is 8'),
    ({'method.fade': 0.}, 'fade=0.0 and ahead=0'),
    ({'method.ahead': -1}, 'ahead=-1'),
    ({'generator': {'name': 'dcgan'}}, "name is 'dcgan', which .*; progan wo"),
    ({'discriminator.stage': 8}, 'discriminator.stage is 8'),
    ({'eval.best_response': 1, 'eval.every': 1}, 'duality gap'),
    ({'augment': ({'name': 'adaptive_pseudo'},)}, 'keeps images'),
    ({'method.reset': True,
      'optimizer.gen.pruning': {'name': 'prune_grow', 'warmup': 1}},
     "forget the masks of config.optimizer.gen.pruning 'prune_grow'")])
def test_what_cannot_grow_is_refused(changes, words):
  c = growing()
  for path, value in changes.items():
    if isinstance(value, dict) and '.' not in path:
      c[path] = value
    elif isinstance(value, dict):
      c.optimizer.gen.pruning = value
    elif path == 'augment':
      c.augment = value
    else:
      c.update_from_flattened_dict({path: value})
  with pytest.raises(UserError, match=words):
    build.method(c)


def test_every_batch_must_divide_by_the_devices(tmp_path):
  with pytest.raises(UserError, match=r'batches\[0\]=12 does not divide by 8'):
    loop.run(growing(**{'devices': 8, 'method.batches': (12, 8, 8)}), tmp_path)
