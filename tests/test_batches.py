"""Order, subsets, streams and scaling of images."""
import functools
import itertools
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jgan import batches, build
from jgan import config as configs
from jgan.errors import UserError
from jgan.types import Turn

IMAGES = np.random.default_rng(0).integers(0, 256, (23, 4, 6, 3), np.uint8)


class Lazy:
  """A source that decodes: no array, one image at a time."""
  shape, dtype = IMAGES.shape, IMAGES.dtype

  def __len__(self):
    return len(IMAGES)

  def __getitem__(self, i):
    return IMAGES[i]


def test_every_epoch_is_a_permutation_of_its_own():
  epochs = [batches.order(0, e * 23, 23, 23) for e in range(4)]
  for epoch in epochs:
    assert epoch.dtype == np.int32
    np.testing.assert_array_equal(np.sort(epoch), np.arange(23))
  for a, b in itertools.combinations(epochs, 2):
    assert (a != b).any()


def test_order_is_a_pure_function_of_seed_and_position():
  long = batches.order(7, 0, 200, 23)
  for start, count in ((0, 5), (20, 10), (22, 50), (46, 23), (100, 0)):
    batches._permutations.cache_clear()
    np.testing.assert_array_equal(batches.order(7, start, count, 23),
                                  long[start:start + count])
  assert (batches.order(8, 0, 200, 23) != long).any()


def test_many_runs_in_turn_draw_each_epoch_once(monkeypatch):
  drawn, philox = [], np.random.Philox
  monkeypatch.setattr(np.random, 'Philox', lambda key: (
      drawn.append(tuple(key)) or philox(key=key)))
  for step in range(6):
    for seed in range(1000, 1016):
      batches.order(seed, 5 * step, 5, 23)
  assert len(drawn) == len({*drawn}) == 32


def test_order_is_the_same_on_every_machine():
  # Golden: np.random.Philox(key=np.array([3, 1], np.uint64)).random_raw(8)
  # .argsort(), numpy 2.4.6.
  assert batches.order(3, 8, 8, 8).tolist() == [
      7, 3, 5, 6, 4, 0, 2, 1]


def test_all_orders_are_equally_likely():
  seen = np.zeros((3, 3))
  for seed in range(900):
    seen[np.arange(3), batches.order(seed, 0, 3, 3)] += 1
  assert np.abs(seen - 300).max() < 75  # 5 standard deviations


def test_steps_take_the_stream_without_gap_or_repeat():
  picked = [batches.batch_indices(1, k, critics=2, batch=5, total=23)
            for k in range(23)]
  assert picked[0].shape == (2, 5)
  flat = np.concatenate(picked).ravel()
  np.testing.assert_array_equal(flat, batches.order(1, 0, 230, 23))
  np.testing.assert_array_equal(np.bincount(flat), [10] * 23)


def test_a_batch_may_be_larger_than_the_set():
  picked = batches.batch_indices(0, 3, critics=1, batch=10, total=4)
  assert picked.shape == (1, 10) and picked.max() == 3
  counts = np.bincount(picked[0])
  assert counts.min() >= 1 and counts.max() <= 4


def picks(seed, **take):
  """step -> the images that it takes."""
  return lambda step: batches.batch_indices(seed, step, **take, total=23)


def test_turns_of_two_shares_never_see_the_same_image():
  turn = lambda low, high, i: batches.turn_indices(
      3, Turn('x', 2, (low, high), i), batch=4, total=23)
  one = np.concatenate([turn(0., .5, i).ravel() for i in range(9)])
  two = np.concatenate([turn(.5, 1., i).ravel() for i in range(9)])
  assert len({*one}) == 12 and len({*two}) == 11 and not {*one} & {*two}
  np.testing.assert_array_equal(np.bincount(one)[np.unique(one)], [6] * 12)


@pytest.mark.parametrize('share', [(0., 1.), (.5, 1.)])
def test_each_shard_gives_as_many_rows_as_the_others(share):
  turns = [batches.turn_indices(3, Turn('x', 2, share, i), batch=6, total=23,
                                shards=3) for i in range(14)]
  by_shard = np.stack(turns).reshape(14, 2, 3, 2)
  seen = 7 if share == (0., 1.) else 3  # of the 23 // 3 images in a shard
  for i in range(3):
    picked = by_shard[:, :, i].ravel()
    assert picked.min() >= 7 * i and picked.max() < 7 * (i + 1)
    epochs = np.sort(picked[:len(picked) // seen * seen].reshape(-1, seen))
    assert (epochs == epochs[0]).all() and len({*epochs[0]}) == seen
  assert (by_shard[:, :, 1] - 7 != by_shard[:, :, 0]).any()


def test_a_share_without_images_is_refused():
  with pytest.raises(UserError, match="share of 0.9 to 1 of 4 images has none, "
                     "and the turn 'alpha' needs some"):
    batches.turn_indices(0, Turn('alpha', 1, (.9, 1.), 0), batch=2, total=4)


def test_shards_are_a_random_choice_of_all_images():
  images = batches.arrangement(0, 23, 3)
  assert len({*images}) == len(images) == 21 and (np.diff(images) < 0).any()
  np.testing.assert_array_equal(batches.arrangement(0, 23, 1), np.arange(23))


class Files(Lazy):
  """A source of files in folders of ten, which has what such a source may."""

  def __init__(self, names=None, bytes_=IMAGES):
    self._names, self._bytes = names, bytes_

  def names(self):
    return self._names or [f'{i // 10}/{i}.png 72' for i in range(23)]

  def groups(self):
    return [i // 10 for i in range(23)]

  def raw(self, i):
    return self._bytes[i].tobytes()


def test_a_fingerprint_depends_on_the_images_and_on_their_files():
  renamed = [f'{i}.jpg 72' for i in range(23)]
  grown = [f'{i // 10}/{i}.png 7{i}' for i in range(23)]
  changed = IMAGES.copy()
  changed[11, 3, 5, 2] ^= 1
  sources = [IMAGES, IMAGES[:22], IMAGES[::-1], IMAGES[:, :2], changed,
             IMAGES.astype(np.float32), Files(), Files(renamed), Files(grown),
             Files(bytes_=changed)]
  prints = [batches.fingerprint(source) for source in sources]
  assert len({*prints}) == len(prints)
  assert all(len(x) == 16 and int(x, 16) >= 0 for x in prints)
  assert prints == [batches.fingerprint(source) for source in sources]


def test_a_fingerprint_is_that_of_the_images_wherever_they_are():
  assert batches.fingerprint(Lazy()) == batches.fingerprint(IMAGES)
  for take in ({'first': 7}, {'fraction': .5}):
    assert (batches.fingerprint(batches.subset(Lazy(), **take))
            == batches.fingerprint(batches.subset(IMAGES, **take)))
  first, half = (batches.fingerprint(batches.subset(Files(), **take))
                 for take in ({'first': 12}, {'fraction': .5}))
  assert first != half


def test_a_fingerprint_reads_few_images_of_many():
  read = []

  class Many:
    shape, dtype = (100_000, 2, 2, 1), np.dtype(np.uint8)

    def __len__(self):
      return 100_000

    def __getitem__(self, i):
      read.append(i)
      return np.full((2, 2, 1), i % 256, np.uint8)

  batches.fingerprint(Many())
  assert len(read) == 256 and read[0] == 0 and read[-1] > 99_000


def test_the_first_in_random_order_are_as_many_and_from_everywhere():
  some = batches.subset(IMAGES, first=6, order='random', seed=1)
  assert some.shape == (6, 4, 6, 3)
  np.testing.assert_array_equal(
      some, batches.subset(IMAGES, fraction=6 / 23, seed=1))
  assert (some != IMAGES[:6]).any()
  assert batches.subset(IMAGES, first=23, order='random') is IMAGES


@pytest.mark.parametrize('take, said', [
    ({'first': 10}, '10 of 23 are from 1 of 3 folders'),
    ({'first': 20}, '20 of 23 are from 2 of 3 folders'),
    ({'first': 21}, ''), ({'first': 10, 'order': 'random'}, ''),
    ({'fraction': .1}, '')])
def test_the_first_of_images_sorted_by_folder_are_said_to_be_of_few(
    take, said, caplog):
  batches.subset(Files(), **take)
  assert said in caplog.text and bool(said) == bool(caplog.text)


@pytest.mark.parametrize('source', [IMAGES, Lazy()])
def test_a_stream_gives_what_gathering_would(source):
  take = {'critics': 2, 'batch': 6}
  stream = batches.stream(source, picks(5, **take), 0, threads=3)
  for k in range(9):
    indices = batches.batch_indices(5, k, **take, total=23)
    np.testing.assert_array_equal(next(stream), IMAGES[indices])
  stream.close()


@pytest.mark.parametrize('step', [1, 4, 1000003])
def test_a_stream_resumes_at_any_step(step):
  take = {'critics': 1, 'batch': 7}
  stream = batches.stream(Lazy(), picks(5, **take), step, threads=2)
  for k in range(step, step + 3):
    indices = batches.batch_indices(5, k, **take, total=23)
    np.testing.assert_array_equal(next(stream), IMAGES[indices])
  stream.close()


def test_processes_share_a_batch_by_rows():
  whole = batches.stream(IMAGES, picks(0, critics=2, batch=6), 0)
  take = picks(0, critics=2, batch=6)
  parts = [batches.stream(Lazy(), lambda k, rows=rows: take(k)[:, rows], 0)
           for rows in (slice(0, 3), slice(3, 6))]
  for _ in range(3):
    np.testing.assert_array_equal(
        np.concatenate([next(p) for p in parts], axis=1), next(whole))
  for stream in (whole, *parts):
    stream.close()


def test_a_closed_stream_leaves_no_thread():
  stream = batches.stream(Lazy(), picks(0, critics=1, batch=2), 0, threads=2)
  next(stream)
  stream.close()
  for _ in range(50):
    left = [t for t in threading.enumerate() if 'grain-prefetch' in t.name]
    if not left:
      break
    time.sleep(.1)
  assert not left


def test_a_bad_image_comes_out_of_the_stream_as_its_own_error():

  class Bad(Lazy):

    def __getitem__(self, i):
      raise UserError('a.png is not a whole image')

  stream = batches.stream(Bad(), picks(0, critics=1, batch=2), 0)
  with pytest.raises(UserError, match=r'a.png is not a whole image'):
    next(stream)
  with pytest.raises(UserError, match=r'a.png'):
    batches.as_array(Bad())


def test_a_source_is_decoded_whole_and_in_order():
  images = batches.as_array(Lazy())
  assert images.dtype == np.uint8
  np.testing.assert_array_equal(images, IMAGES)
  assert batches.as_array(IMAGES) is IMAGES


def test_a_source_fits_by_its_decoded_bytes():
  size = 23 * 4 * 6 * 3
  assert batches.resident(Lazy(), size, 'cpu')
  assert not batches.resident(Lazy(), size - 1, 'gpu')
  assert not batches.resident(IMAGES.astype(np.float32), 4 * size - 1, 'cpu')
  # Rows of 72 bytes in tiles of 128, 32 of them; 128 values of 4 bytes, 8.
  assert batches.resident(Lazy(), 32 * 128, 'tpu')
  assert not batches.resident(Lazy(), 32 * 128 - 1, 'tpu')
  assert batches.resident(IMAGES.astype(np.float32), 24 * 512, 'tpu')


@pytest.mark.parametrize('source', [IMAGES, Lazy()])
def test_the_first_images_are_taken(source):
  some = batches.subset(source, first=5)
  assert len(some) == 5 and some.shape == (5, 4, 6, 3)
  np.testing.assert_array_equal(batches.as_array(some), IMAGES[:5])
  assert batches.subset(source) is source
  assert batches.subset(source, first=23) is source


@pytest.mark.parametrize('source', [IMAGES, Lazy()])
def test_a_random_fraction_is_seeded_distinct_and_in_order(source):
  def kept(fraction, seed):
    some = batches.as_array(
        batches.subset(source, fraction=fraction, seed=seed))
    found = [int(np.flatnonzero((x == IMAGES).all((1, 2, 3)))[0])
             for x in some]
    assert found == sorted(set(found))
    return found

  assert len(kept(.2, 0)) == 5  # 4.6
  assert kept(.5, 1) == kept(.5, 1) != kept(.5, 2)
  assert set(kept(.2, 1)) < set(kept(.5, 1))


@pytest.mark.parametrize('options', [
    dict(first=0, fraction=.2), dict(first=0, fraction=.58),
    dict(first=5, fraction=1.)])
def test_the_size_of_a_subset_is_known_before_it_is_read(options):
  """.58 of 50 images are 29, and 28.999999999999996 in floats."""
  for source in (IMAGES, np.zeros((50, 1, 1, 1), np.uint8)):
    size = batches.size_of_subset(len(source), **options)
    assert len(batches.subset(source, **options)) == size


def test_asking_for_too_much_names_both_numbers():
  with pytest.raises(UserError, match=r'first 24 images.*data set has 23'):
    batches.subset(IMAGES, first=24)
  for fraction in (1.5, 0., .01):
    with pytest.raises(UserError, match=f'fraction of {fraction}.*of 23'):
      batches.subset(IMAGES, fraction=fraction)


def test_bytes_become_minus_one_to_one():
  images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
  x = jax.jit(batches.prepare)(jax.random.key(0), images)
  assert x.dtype == jnp.float32 and x.shape == images.shape
  np.testing.assert_allclose(x, images / 127.5 - 1, atol=1e-6)
  assert x.min() == -1 and x.max() == 1


def test_floats_keep_their_scale():
  points = np.array([[-3.], [4.]], np.float32).reshape(2, 1, 1, 1)
  x = batches.prepare(jax.random.key(0), points)
  np.testing.assert_array_equal(x, points)
  with pytest.raises(UserError, match=r'dequantize is for bytes.*float32'):
    batches.prepare(jax.random.key(0), points, dequantize=True)


def test_dequantisation_adds_less_than_a_128th():
  images = np.full((64, 8, 8, 1), 100, np.uint8)
  x = batches.prepare(jax.random.key(1), images, dequantize=True)
  noise = (np.asarray(x) - (100 / 127.5 - 1)) * 128
  assert noise.min() > -1e-4 and noise.max() < 1 + 1e-4
  assert abs(noise.mean() - .5) < .03 and abs(noise.var() - 1 / 12) < .01


def test_images_are_standardised_as_published_code_does():
  """alphaGAN's search: (x / 255 - mean) / std, up to about 2 in CIFAR-10."""
  mean, std = (.4914, .4822, .4465), (.2470, .2435, .2616)
  x = batches.prepare(jax.random.key(0), IMAGES, mean=mean, std=std)
  np.testing.assert_allclose(x, (IMAGES / 255. - mean) / std, atol=1e-6)
  half = batches.prepare(jax.random.key(0), IMAGES, mean=(.5,), std=(.5,))
  np.testing.assert_allclose(
      half, batches.prepare(jax.random.key(0), IMAGES), atol=1e-6)


@pytest.mark.parametrize('mean, std', [
    ((.5,), ()), ((.5, .5, .5), (.5, .5, .5)), ((.5,), (0.,)),
    (('a',), ('b',))])
def test_means_that_do_not_fit_the_channels_are_refused(mean, std, tiny):
  tiny.pipeline.update({'mean': mean, 'std': std})
  with pytest.raises(UserError, match='config.pipeline has mean=.* 1 channels'):
    build.prepare(configs.complete(tiny))


def test_each_sample_is_mirrored_or_not_as_a_whole():
  images = np.stack([IMAGES, IMAGES[::-1]])  # [critics, b, h, w, c]
  flip = functools.partial(batches.prepare, flip=True)
  x = np.asarray(jax.jit(flip)(jax.random.key(2), images))
  plain = (images / 127.5 - 1).astype(np.float32)
  same = np.isclose(x, plain, atol=1e-6).all((2, 3, 4))
  mirrored = np.isclose(x, plain[..., ::-1, :], atol=1e-6).all((2, 3, 4))
  assert (same ^ mirrored).all()
  assert 10 < mirrored.sum() < 36
  assert (mirrored[0] != mirrored[1]).any()


@pytest.mark.parametrize('devices', [2, 4])
def test_what_is_drawn_does_not_depend_on_the_devices(devices):
  images = np.random.default_rng(1).integers(0, 256, (3, 8, 4, 4, 1), np.uint8)
  prepare = functools.partial(batches.prepare, flip=True, dequantize=True)
  whole = prepare(jax.random.key(3), images)
  shards = np.stack(np.split(images, devices, axis=1))
  parts = jax.vmap(functools.partial(prepare, axis_name='device'),
                   in_axes=(None, 0), axis_name='device')(
                       jax.random.key(3), shards)
  joined = np.concatenate(np.asarray(parts), axis=1)
  np.testing.assert_allclose(joined, whole, atol=1e-6)
