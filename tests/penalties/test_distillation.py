"""Distillation: closed forms, slopes by hand, shards, and whole runs."""
import functools
import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jgan
from jgan import about, build, forward, regularise, steps, weights
from jgan import config as configs
from jgan.errors import UserError
from jgan.losses import mmd
from jgan.penalties import distillation
from jgan.run import logbook, loop
from jgan.types import Labels, Play, View
from jgan.verbs import compress

KEY = jax.random.key(0)
ALL = {'outputs': 1., 'features': 1., 'mmd': 1.}


def exported(config, net, path, network='generator', **changes):
  """The file of a network, as --mode=export writes it."""
  size, colors = config.data.size, build.spec(config).shape[-1]
  latent = config.generator.latent if network == 'generator' else 0
  return weights.save(net, path, about.strings(
      config, network=network, weights='average', step=4,
      image=(size, size, colors), latent=latent) | changes)


def drawn(config, seed=1):
  """An initial state whose weights are all moved."""
  state = jax.jit(build.method(config).init)(jax.random.key(seed), {
      'image': jnp.zeros((1, 1, *build.spec(config).shape))})
  noise = np.random.default_rng(seed)
  return jax.tree.map(
      lambda x: x + np.float32(noise.normal(0., .1, x.shape))
      if x.dtype == jnp.float32 else x, state)


def distilled(config, file, **knobs):
  config.penalties = ({'name': 'distillation', 'teacher': str(file), **knobs},)
  return configs.complete(config)


def objective(config, state, b=8, axis_name=None):
  """(parameters of G, z) -> the penalties of G's update alone."""
  shape = build.spec(config).shape
  labels = (Labels(fake=jnp.arange(b) % 10) if config.data.get('labels') else
            Labels())
  return lambda params, z: steps.gen_loss(
      params, state, None, z, KEY, labels,
      models=build.models(config, shape, axis_name=axis_name),
      loss=regularise.NO_LOSS, penalties=build.penalties(config, axis_name),
      augment=build.augment(config, axis_name), axis_name=axis_name)[0]


@pytest.mark.parametrize('changes, knobs', [
    ({'augment': ({'name': 'diffaugment'},), 'data.labels': True},
     {'features': 1.}),
    ({}, {'mmd': 1., 'space': 'features'}),
    ({'generator': {'name': 'stylegan2', 'latent': 8, 'width': 64, 'most': 4},
      'data.size': 8, 'discriminator': {'name': 'stylegan2', 'width': 64,
                                        'most': 4}},
     # Of differences by rounding, l1 has the signs.
     {'features': 1., 'mmd': 1., 'norm': 'l2'})])
def test_a_generator_that_is_its_own_teacher_has_nothing_to_learn(
    tiny, tmp_path, changes, knobs):
  """Also with augmentations, classes, batch statistics and noise in layers."""
  for key, value in changes.items():
    *above, last = key.split('.')
    functools.reduce(lambda c, k: c[k], above, tiny)[last] = value
  plain = configs.complete(tiny)
  state = drawn(plain)
  file = exported(plain, state.gen, tmp_path / 'g.npz')
  c = distilled(tiny, file, **knobs)
  z = jax.random.normal(KEY, (8, 8))
  graded = jax.jit(jax.value_and_grad(objective(c, state)))
  value, slope = graded(state.gen.params, z)
  rounding = 1e-5 if 'mmd' in knobs else 0.
  for x in jax.tree.leaves((value, slope)):
    np.testing.assert_allclose(x, 0., atol=rounding)
  moved = jax.tree.map(lambda x: 1.1 * x, state.gen.params)
  assert graded(moved, z)[0] > .01


def test_values_and_slopes_are_those_of_the_formulas(tiny, tmp_path):
  plain = configs.complete(tiny)
  state, other = drawn(plain, 1), drawn(plain, 2)
  file = exported(plain, other.gen, tmp_path / 'g.safetensors')
  c = distilled(tiny, file, outputs=2., features=.5, mmd=3., scales=(.5, 2.))
  models = build.models(c, (16, 16, 1))
  z = jax.random.normal(KEY, (8, 8))

  def by_hand(params, z):
    x, t = (forward.generate(models.gen, p, s, z, KEY)[0] for p, s in (
        (params, state.gen.stats), (other.gen.params, other.gen.stats)))
    seen = [forward.judge(models.disc, state.disc.params, state.disc.stats, i,
                          KEY)[0] for i in (x, t)]
    blocks = [jnp.mean(jnp.abs(a - b)) for a, b in zip(
        seen[0].features, seen[1].features)]
    a, b = (view.logits[:, None] for view in seen)
    kernel = lambda u, v: sum(
        jnp.exp(-(u[:, None, 0] - v[None, :, 0])**2 / (2. * s**2))
        for s in (.5, 2.)) / 2.
    apart = 1. - jnp.eye(len(z))
    means = [jnp.sum(k * apart) / apart.sum() for k in (
        kernel(a, a), kernel(b, b), kernel(a, b))]
    return (2. * jnp.mean(jnp.abs(x - t)) + .5 * sum(blocks) / len(blocks)
            + 3. * (means[0] + means[1] - 2. * means[2]))

  ours, wanted = (jax.jit(jax.value_and_grad(f))(state.gen.params, z)
                  for f in (objective(c, state), by_hand))
  np.testing.assert_allclose(ours[0], wanted[0], rtol=1e-5)
  jax.tree.map(lambda a, b: np.testing.assert_allclose(
      a, b, rtol=1e-3, atol=1e-5), ours[1], wanted[1])


def test_shards_on_several_devices_learn_what_the_whole_batch_does(
    tiny, tmp_path):
  plain = configs.complete(tiny)
  state = drawn(plain, 1)
  file = exported(plain, drawn(plain, 2).gen, tmp_path / 'g.npz')
  c = distilled(tiny, file, **ALL)
  z = jax.random.normal(KEY, (8, 8))
  whole, shards = (objective(c, state, axis_name=name) for name in (None, 'd'))
  value, slope = jax.jit(jax.value_and_grad(whole))(state.gen.params, z)
  values, slopes = jax.jit(jax.vmap(jax.value_and_grad(shards), (None, 0),
                                    axis_name='d'))(
      state.gen.params, z.reshape(4, 2, 8))
  np.testing.assert_allclose(values.mean(), value, rtol=1e-5)
  jax.tree.map(lambda a, b: np.testing.assert_allclose(
      a.mean(0), b, rtol=1e-3, atol=1e-5), slopes, slope)


def flat_play(x, blocks=None):
  """A Play whose G makes x and whose D shows what it sees, b numbers."""
  look = lambda x: View(x, x[:, 0, 0, 0], (x,) if blocks is None else blocks)
  return Play(None, look(x), None, None, jnp.zeros((len(x), 1)), KEY,
              jnp.int32(0), plain_fake=x, seen_fake=lambda x: 3. * x,
              noise=KEY, look=look)


X = np.float32([[1., -2.], [0., 4.]]).reshape(2, 1, 1, 2)
T = np.float32([[.5, 0.], [1., 1.]]).reshape(2, 1, 1, 2)


@pytest.mark.parametrize('knobs, wanted', [
    ({'outputs': 2.}, 2. * 6.5 / 4.),
    ({'outputs': 1., 'norm': 'l2'}, 14.25 / 4.),
    # D sees the teacher's images three times as large.
    ({'outputs': 0., 'features': 1.}, (.5 + 2. + 3. + 1.) / 4.),
    ({'outputs': 0., 'features': 1., 'norm': 'l2', 'layers': (0,)},
     (.25 + 4. + 9. + 1.) / 4.)])
def test_terms_have_the_values_by_hand(knobs, wanted):
  value = distillation.generator(flat_play(X), teacher=lambda rng: lambda z: T,
                                 **knobs)
  np.testing.assert_allclose(value, wanted, rtol=1e-6)


def test_the_mmd_is_that_of_the_loss_without_pairs_of_the_same_noise():
  rng = np.random.default_rng(0)
  x, t = np.float32(rng.normal(size=(2, 5, 1, 1, 1)))
  value = distillation.generator(
      flat_play(x), teacher=lambda rng: lambda z: t, outputs=0., mmd=2.,
      kernel='rational_quadratic', scales=(1., 4.))
  wanted = mmd.generator(3. * t[:, 0, 0, 0], x[:, 0, 0, 0],
                         kernel='rational_quadratic', scales=(1., 4.),
                         xy_diagonal=False)
  np.testing.assert_allclose(value, 2. * wanted, rtol=1e-5)


@pytest.mark.parametrize('knobs, words', [
    ({'norm': 'l3'}, "no norm 'l3'"),
    ({'space': 'pixels', 'mmd': 1.}, "no space 'pixels'"),
    ({'outputs': 0.}, 'outputs=0, features=0, mmd=0; weights of at least 0'),
    ({'mmd': -1.}, 'mmd=-1; weights of at least 0'),
    ({'layers': (1,)}, 'layers=.1,. is of the term features, and its weight'),
    ({'space': 'features'}, 'space=features is of the term mmd'),
    ({'scales': (2.,)}, 'scales=.2.0,. is of the term mmd'),
    ({'features': 1., 'layers': (1,)}, 'shows 1 blocks; 0 to 0 would be'),
    ({'mmd': 1., 'kernel': 'linear'}, "no 'linear'")])
def test_what_is_no_distillation_is_refused(knobs, words):
  with pytest.raises(UserError, match=words):
    distillation.generator(flat_play(X), teacher=lambda rng: lambda z: T,
                           **knobs)


def test_a_critic_without_blocks_has_no_features_to_compare():
  with pytest.raises(UserError, match='shows 0 blocks; no weight of features'):
    distillation.generator(flat_play(X, blocks=()), features=1.,
                           teacher=lambda rng: lambda z: T)


def test_images_of_other_sizes_are_refused():
  with pytest.raises(UserError, match=r'teacher makes \[\(1, 1, 1\)\], and'):
    distillation.generator(flat_play(X),
                           teacher=lambda rng: lambda z: T[..., :1])


@pytest.fixture(scope='module')
def small(tmp_path_factory):
  """A dense generator's config, its file, and the state of its run."""
  folder = tmp_path_factory.mktemp('dense')
  c = configs.base()
  c.steps, c.batch, c.devices = 2, 8, 1
  c.data = {'name': 'digits', 'size': 16}
  c.generator = {'name': 'dcgan', 'latent': 8, 'width': 4}
  c.discriminator = {'name': 'dcgan', 'width': 4}
  c.ema.decay, c.log.every, c.checkpoint.every = .5, 1, 2
  c.samples.every = 0
  state = loop.run(c, folder / 'run')
  file = exported(configs.complete(c), jax.device_get(
      state.ema.replace(opt=())), folder / 'g.safetensors')
  return c, file, state


def student(dense, out, file=None, **knobs):
  """A compressed run that learns from the generator it was: its config."""
  c, own, state = dense
  c = c.copy_and_resolve_references()
  c.compress.update({'rules': ({'match': 'conv_1', 'form': 'cp', 'rank': 2,
                                'way': 'separable'},), 'steps': 4,
                     'iterations': 10})
  c = distilled(c, file or own, **knobs)
  compress.write(c, build.method(c), jax.device_get(state), out)
  return configs.from_record(configs.recorded(out))


def test_a_compressed_generator_learns_from_what_it_was_and_resumes(
    small, tmp_path, interrupted):
  """Killed, it goes on to the same bits; the teacher is in no state."""
  c = student(small, tmp_path / 'whole', **ALL)
  whole = loop.run(c, tmp_path / 'whole')
  student(small, tmp_path / 'part', **ALL)
  interrupted(c, tmp_path / 'part', step=3)
  again = loop.run(c, tmp_path / 'part')
  assert jax.tree.all(jax.tree.map(np.array_equal, whole, again))
  terms = [r['gen/distillation'] for r in logbook.read(tmp_path / 'part')
           if 'gen/distillation' in r]
  assert len(terms) == 4 and min(terms) > 0.
  assert 'kernel' not in whole.gen.params['conv_1'] and not whole.extra


def test_distillation_alone_leads_to_the_teacher(small):
  c, file, state = small
  c = distilled(c.copy_and_resolve_references(), file, norm='l2')
  start = jax.tree.map(lambda x: 1.2 * x, state.ema.params)
  loss = jax.jit(jax.value_and_grad(objective(c, state, b=16)))
  z = jax.random.normal(KEY, (16, 8))
  params, values = start, []
  for _ in range(20):
    value, slope = loss(params, z)
    values.append(float(value))
    params = jax.tree.map(lambda p, g: p - .01 * g, params, slope)
  assert values[-1] < .5 * values[0]


def test_one_program_serves_all_steps(small):
  c, file, state = small
  c = distilled(c.copy_and_resolve_references(), file, **ALL)
  step = jax.jit(build.method(c).step)
  batch = {'image': np.zeros((1, 8, 16, 16, 1), np.uint8)}
  state = jax.tree.map(jnp.asarray, jax.device_get(state))
  for i in range(3):
    state, _ = step(state, batch, jax.random.key(i))
  assert step._cache_size() == 1


def test_a_file_with_other_bytes_is_refused_and_a_run_loads_without_it(
    small, tmp_path):
  c, file, state = small
  mine = tmp_path / 'g.safetensors'
  mine.write_bytes(pathlib.Path(file).read_bytes())
  run = student(small, tmp_path / 'run', mine)
  given = run.penalties[0].sha256
  assert len(given) == 64 and json.loads(
      (tmp_path / 'run/config.json').read_text())['penalties'][0][
          'sha256'] == given
  exported(configs.complete(c), jax.device_get(state.gen.replace(opt=())),
           mine)
  with pytest.raises(UserError, match=f'has the SHA-256 .* config {given}'):
    loop.run(run, tmp_path / 'run')
  mine.unlink()
  assert jgan.load(tmp_path / 'run').sample(0, n=2).shape == (2, 16, 16, 1)
  with pytest.raises(UserError, match='cannot read .*g.safetensors: No such'):
    loop.run(run, tmp_path / 'run')


@pytest.mark.parametrize('changes, words', [
    ({'data.size': 32}, r'image is \(16, 16, 1\), and the run that learns from '
     r'it \(32, 32, 1\)'),
    ({'generator.latent': 9}, 'latent is 8, and the run that learns from it 9'),
    ({'data.labels': True}, 'number of classes is 0, and .* it 10'),
    ({'pipeline.mean': (.5,), 'pipeline.std': (.5,)},
     r'mean of pipeline is \(\), and .* it \(0.5,\)')])
def test_a_teacher_of_other_images_is_refused(small, changes, words):
  c, file, _ = small
  c = c.copy_and_resolve_references()
  c.update_from_flattened_dict(changes)
  c = distilled(c, file)
  with pytest.raises(UserError, match=words):
    build.penalties(c)['distillation'].generator.keywords['teacher'](KEY)


def test_what_is_no_trained_generator_is_no_teacher(small, tmp_path):
  c, _, state = small
  c = c.copy_and_resolve_references()
  disc = exported(configs.complete(c), jax.device_get(
      state.disc.replace(opt=())), tmp_path / 'd.npz', 'discriminator')
  bare = weights.save(jax.device_get(state.ema), tmp_path / 'bare.npz')
  (tmp_path / 'text.npz').write_text('not arrays')
  for name, words in ((disc, 'd.npz has a discriminator, and a generator'),
                      (bare, 'bare.npz says no network, and a generator'),
                      (tmp_path / 'text.npz', 'cannot read .*text.npz')):
    made = distilled(c, name)
    with pytest.raises(UserError, match=words):
      build.penalties(made)['distillation'].generator.keywords['teacher'](KEY)
  for name, words in (('', r"config.penalties\[0\] \('distillation'\) has no "
                       'teacher, the file .* --mode=export'),
                      (tmp_path / 'no.npz', 'cannot read .*no.npz: No such'),
                      (tmp_path, 'it is no regular file')):
    with pytest.raises(UserError, match=words):
      distilled(c, name)
