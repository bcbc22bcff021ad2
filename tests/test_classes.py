"""Class labels, from the data through training to samples and programs."""
import functools
import json
import shutil
import types

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import about, build, classes, cli, labelling, trained, weights
from jgan import config as configs
from jgan import flags as common
from jgan.augment import adaptive_pseudo
from jgan.data import mixture
from jgan.errors import UserError
from jgan.ops import collectives
from jgan.penalties import gradient, r1, r2
from jgan.run import feeding, loop, parallel
from jgan.score import networks, record
from jgan.types import GanState, Play, View
from jgan.verbs import _fit, export, sample


def ring(steps=200, **changes):
  """A ring of 8 Gaussians, each a class."""
  c = configs.base()
  c.steps, c.batch, c.devices = steps, 64, 1
  c.data = {'name': 'mixture', 'kind': 'ring', 'count': 1024, 'std': .05,
            'labels': True}
  c.generator = {'name': 'mlp', 'latent': 4, 'width': 32}
  c.discriminator = {'name': 'mlp', 'width': 32}
  c.penalties = ({'name': 'r1', 'gamma': .1},)
  for player in ('gen', 'disc'):
    c.optimizer[player].update({'lr': 3e-3, 'b1': 0., 'b2': .99})
  c.ema.decay = .9
  c.samples.update({'every': steps, 'count': 20})
  c.eval.samples = 100
  c.log.update({'every': steps, 'sinks': ()})
  c.update_from_flattened_dict(changes)
  return c


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  """The folder of a trained run."""
  folder = tmp_path_factory.mktemp('ring')
  loop.run(ring(), folder)
  return folder


@pytest.fixture(scope='module')
def g(run):
  return trained.load(run)


def shares(images):
  """How many are nearest to each of the modes."""
  mode, _ = mixture.nearest(images, kind='ring')
  return np.bincount(mode, minlength=8) / len(images)


def test_images_of_a_class_are_of_its_gaussian(g):
  assert g.classes == tuple('01234567') and '8 classes' in repr(g)
  for label in range(8):
    assert shares(g.sample(0, n=64, classes=label))[label] > .95


def test_a_run_records_its_classes(run):
  config = json.loads((run / 'config.json').read_text())
  assert config['classes'] == {'fakes': 'uniform', 'names': [*'01234567'],
                               'counts': [128] * 8}


def test_counts_that_are_not_those_of_the_images_are_refused():
  c = configs.complete(ring(**{'classes.counts': (128,) * 7 + (9,)}))
  with pytest.raises(UserError, match=r'128, 9\), and the images have \(128,'):
    labelling.settled(c, '')


def test_samples_of_a_seed_have_the_labels_of_the_law(g):
  images, count = g.sample(5, n=200), 200
  sampler = networks.sampler_of(g.config, g.method)
  labels = sampler.labels(count, 5)
  mode, _ = mixture.nearest(images, kind='ring')
  assert np.mean(mode == labels) > .95
  np.testing.assert_array_equal(labels[:7], sampler.labels(7, 5))
  assert np.bincount(labels, minlength=8).min() > 5
  assert not np.array_equal(labels, sampler.labels(count, 6))


def test_latent_vectors_get_the_classes_that_are_named(g):
  z = np.random.default_rng(0).normal(size=(6, 4))
  assert shares(g.sample(z, classes='3'))[3] == 1.
  mode, _ = mixture.nearest(g.sample(z, classes=[0, 1, 2, 5, 6, 7]),
                            kind='ring')
  assert mode.tolist() == [0, 1, 2, 5, 6, 7]
  with pytest.raises(UserError, match='2 classes for 6 latent'):
    g.sample(z, classes=[0, 1])
  with pytest.raises(UserError, match="no class 'cat', of 0 to 7"):
    g.sample(z, classes='cat')
  with pytest.raises(UserError, match='no class is named'):
    g.sample(0, n=4, classes=[])
  with pytest.raises(UserError, match='8 classes, and no labels are given'):
    g(z)
  np.testing.assert_allclose(
      g(jnp.float32(z), np.zeros(6, np.int32)), g.sample(z, classes=0),
      atol=1e-6)


def test_labels_of_no_class_or_of_too_few_latents_are_refused(g):
  z = jnp.zeros((2, 4))
  for labels, words in (([0], r'\[1\] from 0 to 0: integers \[2\]'),
                        ([0, 8], 'from 0 to 8: .*of 0 to 7'),
                        ([-1, 0], 'from -1 to 0'), ([0., 1.], 'float64')):
    with pytest.raises(UserError, match=words):
      g(z, labels)
  assert jax.jit(g)(z, jnp.array([0, 7])).shape[0] == 2  # values are not known


def flags_of(verb, **flags):
  return common.values(verb.FLAGS, {
      k: v if isinstance(v, list | bool | int) else str(v)
      for k, v in flags.items()})


def test_the_verb_makes_a_row_of_each_class(run, tmp_path):
  c = configs.from_record(configs.recorded(run))
  array = lambda **flags: np.load(sample.run(c, flags_of(
      sample, workdir=run, out=tmp_path / 'a.npz', overwrite=True, **flags)
      ).strip())['images']
  mode = lambda images: mixture.nearest(images, kind='ring')[0].tolist()
  assert mode(array(classes=['6', '2'], n=3)) == [6, 6, 6, 2, 2, 2]
  assert mode(array(n=16)) == np.repeat(np.arange(8), 2).tolist()
  assert mode(array(classes=['4'], n=2, interpolate=3)) == [4] * 6
  parsed = cli.parse(['jgan', '--mode=sample', f'--workdir={run}',
                      '--classes=6,2', f'--out={tmp_path}/b.npz', '--n=1'])
  sample.run(parsed.config, parsed.flags)
  assert mode(np.load(tmp_path / 'b.npz')['images']) == [6, 2]
  with pytest.raises(UserError, match='is of one class'):
    sample.run(c, flags_of(sample, workdir=run, out=tmp_path / 'a.gif'))


def test_programs_and_files_know_the_classes(g, tmp_path):
  entries = about.strings(g.config, network='generator', weights='average',
                          step=1, image=g.image, latent=g.latent)
  assert json.loads(entries['classes']) == [*'01234567']
  file = export.write(g.method, g.net, tmp_path / 'g.safetensors',
                      entries=entries)
  again = trained.load(file)
  assert again.classes == g.classes
  np.testing.assert_array_equal(again.sample(0, n=4, classes=2),
                                g.sample(0, n=4, classes=2))
  export.run(None, flags_of(export, params=file, card=True,
                            out=tmp_path / 'card' / 'g.npz'))
  card = (tmp_path / 'card' / 'README.md').read_text()
  assert "classes='0')" in card and 'no labels' not in card
  assert 'A class-conditional generator' in card and '7 7.' in card
  program = weights.save_program(g.method, g.net, tmp_path / 'g.jaxexport')
  call = jax.export.deserialize(bytearray(program.read_bytes())).call
  z, labels = np.zeros((3, 4), np.float32), np.array([0, 4, 7], np.int32)
  assert mixture.nearest(np.asarray(call(z, labels)), kind='ring')[0].tolist(
      ) == [0, 4, 7]


def test_a_stopped_and_resumed_run_equals_the_unbroken_one(tmp_path):
  c = ring(4, **{'checkpoint.every': 2, 'classes.fakes': 'real'})
  state = loop.run(c, tmp_path / 'a')
  shutil.copytree(tmp_path / 'a', tmp_path / 'b')
  shutil.rmtree(tmp_path / 'b' / 'checkpoints' / '4')
  resumed = loop.run(c, tmp_path / 'b')
  assert jax.tree.all(jax.tree.map(np.array_equal, state, resumed))


@pytest.mark.parametrize('placement', ['device', 'stream'])
@pytest.mark.parametrize('kind, shards', [('one', 1), ('pmap', 1), ('jit', 1),
                                          ('pmap', 8), ('jit', 8)])
def test_labels_go_with_their_images(kind, shards, placement):
  """Image i says its label in its pixels."""
  if kind == 'pmap' and shards > 1 and jax.__version_info__ < (0, 8):
    pytest.skip('shards under pmap need JAX 0.8')
  c = configs.complete(ring(**{
      'batch': 16, 'critics': 2, 'devices': 1 if kind == 'one' else 8,
      'parallel': 'jit' if kind == 'jit' else 'pmap',
      'pipeline.placement': placement, 'pipeline.shards': shards}))
  labels = np.random.default_rng(0).integers(0, 8, 100).astype(np.int32)
  source = np.broadcast_to(labels[:, None, None, None], (100, 1, 1, 2)).astype(
      np.float32)
  where = parallel.layout(c)

  def step(state, batch, rng):
    del rng
    wrong = jnp.abs(batch['image'][..., 0, 0, 0] - batch['label']).max()
    mean = collectives.mean(batch['label'].mean(), where.axis_name)
    return state.replace(step=state.step + 1), {
        'wrong': collectives.mean(wrong, where.axis_name), 'mean': mean}

  with feeding.fed(c, build.plan(c, build.method(c)), source, where, 0, 1,
                   labels=labels) as (data, feed):
    _, x = next(feed)
    state = parallel.place(GanState(jnp.int32(0), (), (), ()), where)
    health = parallel.place(parallel.healthy(), where)
    seed = parallel.place(np.uint32(0), where)
    call = parallel.compile_call(functools.partial(parallel.advance, step=step),
                                 where, state, health, data, x, seed)
    metrics = call(state, health, data, x, seed)[2]
  assert metrics['wrong'] == 0. and 2. < metrics['mean'] < 5.


def test_what_judges_a_run_does_not_read_its_labels_again(monkeypatch):
  c = labelling.settled(configs.complete(ring(**{
      'eval.every': 200, 'eval.metrics': ('modes',), 'eval.best_response': 1,
      'eval.probes': ('gradient_norm',)})), '')
  source, labels = build.source(c, ''), loop.labels_of(c, '')
  monkeypatch.setattr(mixture, 'labels', None)
  judged = loop.judges(c, parallel.layout(c), source, '', labels)
  assert None not in judged


def test_fakes_get_the_labels_that_the_config_says():
  c = ring(**{'classes.counts': (1, 0, 3, 0, 0, 0, 0, 4)})
  real = np.arange(8, dtype=np.int32)
  law = lambda fakes: labelling.of_updates(configs.complete(
      configs.complete(c).copy_and_resolve_references() if not
      c.update_from_flattened_dict({'classes.fakes': fakes}) else c))
  draw = lambda fakes, n=4000: np.asarray(
      law(fakes)(jax.random.key(0), real, n).fake)
  count = np.bincount(draw('uniform'), minlength=8) / 4000
  np.testing.assert_allclose(count, 1 / 8, atol=.02)
  count = np.bincount(draw('data'), minlength=8) / 4000
  np.testing.assert_allclose(count, np.divide([1, 0, 3, 0, 0, 0, 0, 4], 8),
                             atol=.03)
  assert not count[[1, 3, 4, 5, 6]].any()
  np.testing.assert_array_equal(draw('real', 8), real)
  assert draw('real', 16).tolist() == np.repeat(real, 2).tolist()
  assert draw('real', 4).tolist() == [0, 2, 4, 6]


def test_the_labels_of_fakes_do_not_depend_on_the_number_of_devices():
  c = configs.complete(ring())
  whole = labelling.of_updates(c)(jax.random.key(3), np.zeros(16, int), 16)
  parts = jax.pmap(lambda real: labelling.of_updates(c, 'd')(
      jax.random.key(3), real, 4), 'd', devices=jax.devices()[:4])(
          np.zeros((4, 4), int))
  np.testing.assert_array_equal(parts.fake.ravel(), whole.fake)


@pytest.mark.parametrize('penalty, told', [
    (r1, [0, 1]), (r2, [2, 3]), (gradient, [0, 1])])
def test_penalties_tell_d_the_labels_of_the_images(penalty, told):
  """D(x, y) = (1 + y) sum x: the slope says which labels it was told."""
  disc = lambda x, labels: (1. + labels) * x.sum((1, 2, 3))
  view = lambda labels: View(jnp.ones((2, 1, 1, 1)), None,
                             labels=jnp.array(labels))
  play = Play(view([0, 1]), view([2, 3]), disc, None, None,
              jax.random.key(0), jnp.int32(0))
  slopes = 1. + np.array(told)
  want = np.mean(slopes**2) if penalty is not gradient else np.mean(
      (slopes - 1.)**2)
  options = {'weight': 1.} if penalty is gradient else {'gamma': 2.}
  np.testing.assert_allclose(penalty.discriminator(play, **options), want,
                             rtol=1e-6)


def test_pseudo_images_bring_their_labels():
  memory = adaptive_pseudo.start((4, 1, 1, 1), classes=3)
  fake = jnp.arange(4.).reshape(4, 1, 1, 1), jnp.arange(4)
  memory = adaptive_pseudo.remember(memory, fake) | {'p': jnp.float32(.5)}
  real = -1. - fake[0], -1 - fake[1]
  images, labels = adaptive_pseudo.replace(jax.random.key(1), real, memory)
  np.testing.assert_array_equal(images.ravel(), labels)
  assert {*np.sign(labels + .5).tolist()} == {-1., 1.}


def test_what_layers_read_is_measured_with_labels(g):
  """The first layer reads embeddings of all classes, beside noise."""
  c = g.config.copy_and_resolve_references().unlock()
  c.compress.fit = {'name': 'outputs', 'images': 4096, 'ridge': 1e-6}
  s = _fit.arguments(configs.complete(c), g.method, g.net, ['dense_0']
                     )['seen']['dense_0']
  table = g.params['label']['embedding']
  np.testing.assert_allclose(np.diag(s)[::2], 1., atol=.1)
  np.testing.assert_allclose(s[1::2, 1::2], table.T @ table / 8, atol=.15)


def test_scores_state_the_law_and_see_the_classes(tmp_path):
  c = ring(2, **{'eval.every': 2, 'eval.metrics': ('fd_pixels',),
                 'classes.fakes': 'data'})
  loop.run(c, tmp_path)
  stamp = record.of_average(tmp_path)[0]['protocol']
  assert stamp['labels'] == 'data' and stamp['settings']['classes'] == 8


@pytest.mark.parametrize('changes, says', [
    ({'data': {'name': 'celeba', 'labels': True}}, 'no labels; these data '
     'sets have: cifar10'),
    ({'data': {'name': 'stl10', 'labels': True}}, 'images without labels: '
     '--config.data.split=train'),
    ({'classes.names': ('a', 'b')}, 'data.labels is False'),
    ({'classes.fakes': 'data'}, "fakes is 'data', and config.data.labels is"),
    ({'data.labels': True, 'classes.names': ('a', 'a')}, 'a different word'),
    ({'data.labels': True, 'classes.counts': (1, 2)}, '2.* for 10 classes'),
    ({'classes.fakes': 'some'}, 'one of uniform, data, real'),
])
def test_what_cannot_be_is_said(changes, says):
  c = configs.base()
  c.data = {'name': 'digits', 'labels': False}
  c.update_from_flattened_dict(
      {k: v for k, v in changes.items() if k != 'data'})
  c.data = changes.get('data', c.data)
  with pytest.raises(UserError, match=says):
    configs.complete(c)


def test_classes_are_refused_of_a_generator_without_any():
  c, flags = configs.complete(configs.base()), types.SimpleNamespace()
  for flags.classes in (('a',), ('a', 'b')):
    with pytest.raises(UserError, match='generator was trained without'):
      sample._one(c, flags, 4)


def test_classes_of_files_are_needed_or_read():
  c = configs.base()
  c.data = {'name': 'image_folder', 'labels': True, 'size': 16}
  c = configs.complete(c)
  with pytest.raises(UserError, match='known from its files, which --mode=tra'):
    build.method(c)
  with c.unlocked():
    c.classes.names = ('cat', 'dog')
  assert build.method(c).classes == 2
  assert classes.chosen(c, ['dog', 0, '1']).tolist() == [1, 0, 1]
  with c.unlocked():
    c.classes.names = ('2', '1', '0')
  assert classes.chosen(c, ['2', 2, '1']).tolist() == [0, 2, 1]
  labels, columns = classes.by_row(3, 10)
  assert labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2] and columns == 3
  labels, columns = classes.by_row(1000, 4)
  assert labels.tolist() == [0, 250, 500, 750] and columns == 1


def test_a_record_of_before_there_were_labels_is_read():
  c = configs.base()
  c.generator = {'name': 'r3gan', 'width': 8, 'most': 8}
  record = configs.plain(configs.complete(c))
  del record['classes'], record['data']['labels']
  record['generator']['classes'] = 0
  assert configs.from_record(record) == configs.complete(c)
