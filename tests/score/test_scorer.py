"""Scores in training, sampling, and the noise they use."""
import gc
import json
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import build, protocol
from jgan import config as configs
from jgan.errors import UserError
from jgan.metrics import fd_pixels
from jgan.ops import spread
from jgan.ops.quantize import to_uint8
from jgan.score import networks, record, samples
from jgan.score.scorer import Scorer


def made(draw, net, count, size, latent, seed, **keywords):
  """Images on one device, so that a batch may have any size."""
  keywords.setdefault('mesh', spread.mesh(jax.devices()[:1]))
  return samples.Sampler(draw, latent, size, **keywords).array(net, count, seed)


def test_image_i_does_not_depend_on_how_many_are_made():
  draw = lambda net, z: jnp.tanh(z).reshape(-1, 2, 2, 1) * net
  few = made(draw, 1., 5, 4, 4, seed=0)
  many = made(draw, 1., 11, 4, 4, seed=0)
  assert few.shape == (5, 2, 2, 1) and few.dtype == np.uint8
  np.testing.assert_array_equal(few, many[:5])
  assert (made(draw, 1., 5, 4, 4, seed=1) != few).any()
  points = made(draw, 3., 5, 4, 4, seed=0, dtype=np.float32)
  assert points.dtype == np.float32 and abs(points).max() > 1.


def test_image_i_does_not_depend_on_the_batch_it_is_made_in():
  draw = lambda net, z: jnp.tanh(z).reshape(-1, 2, 2, 1) * net
  whole = made(draw, 1., 11, 11, 4, seed=3)
  assert len({image.tobytes() for image in whole}) > 9
  for size in (1, 4, 30):
    np.testing.assert_array_equal(made(draw, 1., 11, size, 4, seed=3), whole)


def test_pieces_of_a_grid_are_images_of_their_noise():
  draw = lambda net, z: jnp.tanh(z).reshape(-1, 2, 2, 1) * net
  z = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
  sampler = samples.Sampler(draw, 4, 3, mesh=spread.mesh(jax.devices()[:2]))
  pieces = sampler.of(1., z)
  assert [len(piece) for piece in pieces] == [4, 4]
  np.testing.assert_array_equal(samples.joined(pieces, 7),
                                to_uint8(jnp.tanh(z).reshape(-1, 2, 2, 1)))


def test_reals_are_drawn_once_each_and_by_seed(monkeypatch):
  source = np.arange(20, dtype=np.uint8).reshape(20, 1, 1, 1)
  some = samples.reals(source, 7, seed=3).ravel()
  assert len(set(some)) == 7
  np.testing.assert_array_equal(some,
                                samples.reals(source, 7, seed=3).ravel())
  assert len(samples.reals(source, 99, seed=0)) == 20
  monkeypatch.setattr(samples, '_BYTES', 5)
  assert len(samples.reals(source, 7, seed=3)) == 5


@pytest.fixture(scope='module')
def digits():
  from jgan.data import digits as source
  return source.load('', size=16), source.labels('', size=16)


def score(source, images, **keywords):
  scorer = Scorer(source, reference='digits', **keywords)
  batches = [images[i:i + 30] for i in range(0, len(images), 30)]
  return scorer, scorer.score(batches, {'subset_size': 50, 'k': 3})


def test_real_images_score_better_than_noise(digits):
  noise = np.random.default_rng(0).integers(0, 256, (100, 16, 16, 1), np.uint8)
  honest, random = (score(digits[0], x, metrics=('fd_pixels',))[1]['standard']
                    [0]['fd_pixels'] for x in (digits[0][::18], noise))
  assert honest < 10. < random


def test_all_metrics_of_a_network_agree_on_who_is_better(digits, tmp_path):
  """Half of the digits against the other half, and against noise."""
  images, labels = digits
  noise = np.random.default_rng(0).integers(0, 256, (90, 16, 16, 1), np.uint8)
  metrics = ('fd', 'kid', 'inception_score', 'precision_recall',
             'density_coverage', 'memorisation', 'spectrum')
  common = dict(metrics=metrics, network='classifier', cache=str(tmp_path),
                labels=labels)
  (scorer, good), (_, bad) = (
      score(images, x, **common) for x in (images[:90], noise))
  (good, stamp), (bad, _) = good['standard'], bad['standard']
  name = stamp['network']
  assert name.startswith('classifier-')
  assert good[f'FD-{name}'] < bad[f'FD-{name}']
  assert good[f'kid-{name}'] < bad[f'kid-{name}']
  assert good[f'precision_recall-precision-{name}'] == 1.
  assert good[f'memorisation-authentic-{name}'] == 0.  # the images themselves
  assert good['spectrum'] < bad['spectrum']
  assert scorer.stamps['standard']['reals'] == 1797
  assert not any('FID' in key for key in good)


def test_few_photos_have_a_kernel_distance_of_as_large_subsets(digits):
  c = configs.base()
  c.eval.samples = 60
  scorer = Scorer(digits[0][:40], metrics=('kid',), network='classifier')
  settings = networks.settings_of(configs.complete(c), scorer)
  assert settings == {'subset_size': 40}
  values, _ = scorer.score([digits[0][40:100]], settings)['standard']
  assert all(map(np.isfinite, values.values()))


@pytest.mark.parametrize(('metric', 'knobs', 'real', 'fake', 'why'), [
    ('precision_recall', {'k': 8}, 8, 50, '9 real images or more.* are 8'),
    ('density_coverage', {}, 50, 5, '6 generated images or more.* are 5'),
    ('inception_score', {}, 50, 9, '10 generated images or more.* are 9'),
    ('kid', {'subset_size': 60}, 70, 50, '60 generated images or more.* 50'),
    ('fd_infinity', {}, 50, 29, '30 generated images or more.* are 29'),
    ('mind', {'directions': 0}, 50, 50, "'mind': directions=0"),
])
def test_images_too_few_for_a_metric_are_refused_before_any_is_looked_at(
    metric, knobs, real, fake, why, digits, monkeypatch):
  monkeypatch.setattr(Scorer, '_net', None)
  with pytest.raises(UserError, match=why):
    Scorer(digits[0], count=real, metrics=(metric,), network='classifier',
           knobs={metric: knobs}, most=fake)


def test_a_stamp_says_what_a_score_depends_on(digits):
  scorer, found = score(digits[0], digits[0][:60], metrics=('fd_pixels',),
                        count=500)
  stamp = found['standard'][1]
  for key in ('protocol', 'reference', 'reals', 'fakes', 'ddof', 'splits',
              'seed', 'quantise', 'network', 'weights', 'jgan'):
    assert key in stamp
  assert stamp['reals'] == 500 and stamp['fakes'] == 60
  same = {**stamp, 'jgan': 'other', 'step': 7}
  assert protocol.identity(same) == protocol.identity(stamp)
  other = {**stamp, 'reals': 400}
  assert protocol.identity(other) != protocol.identity(stamp)
  assert protocol.differences(stamp, other) == ['reals: 500 -> 400']
  assert scorer.stamps['standard']['reference'] == 'digits'


def test_an_identity_knows_the_images_of_the_reference_and_not_their_name():
  images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), np.uint8)
  other = images.copy()
  other[7, 3, 3] ^= 1

  def identity(source, reference='here', **keywords):
    scorer = Scorer(source, metrics=('fd_pixels',), reference=reference,
                    **keywords)
    return protocol.identity(scorer.score([images[:20]])['standard'][1])

  same = identity(images)
  assert identity(images, reference='./here') == same
  assert identity(images, batch=7) == same
  assert identity(images, seed=5) == same  # runs of several seeds are compared
  assert identity(other) != same
  some = identity(images, count=20)
  assert some != same and identity(images, count=20, seed=5) == some


def test_the_reference_is_read_once_and_ends_with_its_scorers(digits):

  class Counted:
    shape, dtype, reads = digits[0].shape, digits[0].dtype, 0

    def __len__(self):
      return len(digits[0])

    def __getitem__(self, i):
      self.reads += 1
      return digits[0][i]

  source = Counted()
  scorer = Scorer(source, metrics=('fd_pixels', 'spectrum'), count=30,
                  protocols=('standard', 'nvlabs'))
  for each in (scorer, scorer, scorer.of_seed(1).of_seed(2)):
    each.score([digits[0][:20]])
  assert source.reads == 30
  gone = weakref.ref(scorer)
  del scorer, each
  gc.collect()
  assert gone() is None


def test_the_labels_of_the_fakes_of_every_seed_are_checked(
    digits, monkeypatch):
  checked = []
  monkeypatch.setattr(fd_pixels, 'check', lambda net, names, real, fake: (
      checked.append((*names, *real, *fake))), raising=False)
  scorer = Scorer(digits[0][:2], metrics=('fd_pixels',), classes=('a', 'b'),
                  labels=[1, 0], drawn=[0, 1])
  scorer.of_seed(1, [1, 1])
  assert checked == [('a', 'b', 1, 0, 0, 1), ('a', 'b', 1, 0, 1, 1)]


def test_protocols_differ_where_they_say(digits, tmp_path):
  _, found = score(digits[0][:200], digits[0][200:300], network='classifier',
                   metrics=('fd', 'inception_score'), labels=digits[1][:200],
                   protocols=('standard', 'nvlabs', 'one_split'),
                   cache=str(tmp_path))
  values = {name: [*v.values()] for name, (v, _) in found.items()}
  assert values['standard'][0] != values['nvlabs'][0]
  assert values['standard'][0] == values['one_split'][0]
  assert values['standard'][1] != values['one_split'][1]
  assert len({protocol.identity(s) for _, s in found.values()}) == 3


def test_a_distance_of_features_divides_as_its_protocol_says(digits, tmp_path):
  images, labels = digits[0][:60], np.arange(60, dtype=np.int32) % 2
  scorer = Scorer(images, network='classifier', labels=labels,
                  metrics=('fd', 'fd_infinity', 'intra_fd'),
                  classes=('a', 'b'), protocols=('standard', 'nvlabs'),
                  cache=str(tmp_path))
  found = scorer.score([digits[0][60:120]], labels=labels)
  (standard, _), (nvlabs, _) = found['standard'], found['nvlabs']
  name = found['standard'][1]['network']
  # Of equal numbers the whole spread is in proportion, that of means not.
  for label, n in ((f'FD-{name}', 60), (f'intra-FD-{name}', 30)):
    assert standard[label] * (n - 1) / n < nvlabs[label] < standard[label]
  assert nvlabs[f'FD-{name}-infinity'] != standard[f'FD-{name}-infinity']


def test_statistics_are_kept_and_published_ones_are_verified(
    digits, tmp_path, monkeypatch):
  images, labels = digits
  common = dict(metrics=('fd',), network='classifier', labels=labels,
                cache=str(tmp_path))
  first = score(images, images[:60], **common)[1]['standard'][0]
  file, = (tmp_path / 'statistics').iterdir()
  with np.load(file) as kept:
    mu, sigma = kept['features_mean'], kept['features_cov']
  np.savez(tmp_path / 'mine.npz', mu=mu, sigma=sigma)
  np.savez(tmp_path / 'other.npz', mu=mu + 1., sigma=sigma)
  monkeypatch.setattr(Scorer, '_seen_reals', lambda self: {})
  again = score(images, images[:60], **common)[1]['standard'][0]
  mine = score(images, images[:60], statistics=tmp_path / 'mine.npz',
               **common)[1]['standard'][0]
  assert first == again == mine
  # Few reals have a covariance of their own, which is not used.
  near = dict(common, count=50, statistics=tmp_path / 'mine.npz')
  monkeypatch.undo()
  monkeypatch.setattr(Scorer, '_verify_published', lambda *_: None)
  with_features = score(images, images[:60], **{
      **near, 'metrics': ('fd', 'kid')})[1]['standard'][0]
  label, = first
  assert with_features[label] == pytest.approx(first[label], rel=1e-5)
  monkeypatch.undo()
  with pytest.raises(UserError, match='does not describe these 1797 images'):
    score(images, images[:60], statistics=tmp_path / 'other.npz', **common)
  for name, arrays in (('none', None), ('keys', {'mean': mu}),
                       ('text', {'mu': np.array(['a']), 'sigma': sigma}),
                       ('shape', {'mu': mu, 'sigma': sigma[1:]})):
    if arrays:
      np.savez(tmp_path / f'{name}.npz', **arrays)
    with pytest.raises(UserError, match='cannot read|has shape'):
      score(images, images[:60], statistics=tmp_path / f'{name}.npz', **common)


def test_statistics_without_a_metric_that_reads_them_are_refused(digits):
  with pytest.raises(UserError, match='none of the metrics uses features'):
    Scorer(digits[0], metrics=('fd_pixels',), statistics='x.npz')


def test_a_cache_that_cannot_be_written_is_said(digits, tmp_path, caplog):
  images, labels = digits[0][:100], digits[1][:100]
  common = dict(metrics=('fd',), network='classifier', labels=labels)
  scorer = Scorer(images, cache=str(tmp_path / 'file'), **common)
  (tmp_path / 'file').write_text('')
  values, _ = scorer.score([images[:70]])['standard']
  assert all(map(np.isfinite, values.values()))
  assert 'statistics' in caplog.text and 'computed again' in caplog.text


def test_scores_after_the_checkpoint_are_forgotten(digits, tmp_path):
  """Also where a run was killed before its first checkpoint."""
  scorer = Scorer(digits[0], metrics=('stability',))
  for step in (10, 20):
    record.add(tmp_path, step, {'a': 1.},
               {'generator': 'average', 'protocol': 'standard'})
  file = tmp_path / 'evaluations.jsonl'
  record.go_on(tmp_path, 10, scorer)
  assert [json.loads(x)['step'] for x in file.read_text().splitlines()] == [10]
  record.go_on(tmp_path, 0, scorer)
  assert file.read_text() == ''


def test_a_metric_without_its_network_is_refused(digits):
  with pytest.raises(UserError, match="'fd' needs a feature network"):
    Scorer(digits[0], metrics=('fd',))


def test_knobs_reach_their_metric_and_the_stamp(digits):
  knobs = {'spectrum': {'center': 'true_dc'}}
  noise = np.random.default_rng(0).integers(0, 256, (60, 16, 16, 1), np.uint8)
  values = [score(digits[0], noise, metrics=('spectrum',), knobs=k)[1]
            ['standard'] for k in ({}, knobs)]
  assert values[0][0] != values[1][0]
  assert values[1][1]['knobs'] == knobs
  assert protocol.identity(values[0][1]) != protocol.identity(values[1][1])


def test_few_fakes_for_many_features_are_warned_of(digits, tmp_path, caplog):
  score(digits[0][:200], digits[0][:30], metrics=('fd',), cache=str(tmp_path),
        network='classifier', labels=digits[1][:200])
  assert '30 fakes for 64 features' in caplog.text


def test_stability_compares_with_the_evaluation_before(digits, tmp_path):
  scorer = Scorer(digits[0], metrics=('stability',))
  black = np.zeros((70, 16, 16, 1), np.uint8)
  first = scorer.score([black])['standard'][0]
  record.keep_previous(tmp_path, 10, scorer)
  second = scorer.score([black + np.uint8(51)])['standard'][0]
  assert first == {} and second == {'stability': pytest.approx(.04)}
  resumed = Scorer(digits[0], metrics=('stability',))
  record.go_on(tmp_path, 10, resumed)
  assert resumed.score([black + np.uint8(51)])['standard'][0] == second


def test_damaged_images_of_the_evaluation_before_cost_one_score(
    digits, tmp_path, caplog):
  scorer = Scorer(digits[0], metrics=('stability',))
  black = np.zeros((70, 16, 16, 1), np.uint8)
  for step in (10, 20):
    scorer.score([black])
    record.keep_previous(tmp_path, step, scorer)
  (tmp_path / 'stability' / '00000020.standard.npz').write_bytes(b'PK')
  (tmp_path / 'stability' / 'notes.npz').write_bytes(b'')
  resumed = Scorer(digits[0], metrics=('stability',))
  record.go_on(tmp_path, 20, resumed)
  assert 'the next stability score is left out' in caplog.text
  assert resumed.score([black])['standard'][0] == {}
  assert resumed.score([black])['standard'][0] == {'stability': 0.}


def test_a_metric_that_gives_other_values_than_its_file_says_is_refused(
    digits, monkeypatch):
  from jgan.metrics import spectrum
  monkeypatch.setattr(spectrum, 'BETTER', {'': 'lower', 'std': 'neither'})
  scorer = Scorer(digits[0], metrics=('spectrum',), count=20)
  with pytest.raises(UserError, match="'spectrum' gives the values .* and "
                     r"BETTER in its file names \['', 'std'\]"):
    scorer.score([digits[0][:20]])


def test_interpolation_runs_between_normal_draws_at_their_length():
  z = np.asarray(samples.interpolation(0, 3, 5, 64)).reshape(3, 5, 64)
  assert (z[0, 0] != z[1, 0]).all()
  lengths = np.linalg.norm(z, axis=-1)
  assert lengths.min() > .8 * 8 and lengths.max() < 1.25 * 8
  steps = np.linalg.norm(np.diff(z, axis=1), axis=-1)
  np.testing.assert_allclose(steps, steps.mean(1, keepdims=True) * np.ones(4),
                             rtol=.2)


@pytest.mark.parametrize('count', [1, 4])
def test_reals_of_a_lazy_source_are_read_one_by_one(count):

  class Lazy:
    shape, dtype = (4, 1, 1, 1), np.dtype(np.uint8)

    def __len__(self):
      return 4

    def __getitem__(self, i):
      return np.full((1, 1, 1), i, np.uint8)

  assert samples.reals(Lazy(), count, 0).shape == (count, 1, 1, 1)


@pytest.mark.parametrize('subset, count', [(True, 20), (False, 1797)])
def test_a_part_of_the_images_is_scored_against_itself_or_all(tiny, subset,
                                                              count):
  tiny.pipeline.first, tiny.eval.subset = 20, subset
  config = configs.complete(tiny)
  images = build.source(config, '')
  assert len(images) == 20
  assert len(build.reference(config, images, '')[0]) == count
