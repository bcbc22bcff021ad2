"""Mini-batches of a data set: their indices, loading and preprocessing.

A source has .shape (n, h, w, c), .dtype, len() and source[i] -> [h, w, c]; a
numpy array is one. A source of files may also have
  names() -> [n] strings that change when a file does: its name and size,
  groups() -> [n] values, the same for images that belong together: its folder,
  raw(i) -> the bytes of image i as they are stored, without decoding.

The samples of a run form an endless stream of epochs, each in a new random
order; generator step k takes the next critics * batch of them, across epoch
boundaries. The order is a pure function of (seed, step), so a run resumes from
its step number alone, whether the data are on the device or streamed.
"""
import functools
import hashlib
import logging
import math
import sys
from concurrent import futures

import jax
import jax.numpy as jnp
import numpy as np

from jgan.errors import UserError
from jgan.ops import collectives
from jgan.types import Turn

log = logging.getLogger(__name__)

_READ = 256  # images whose content is in a fingerprint

# Epoch numbers that select other permutations: for subsets, shares, shards.
_SUBSET, _SHARES, _SHARDS = -1, -2, -3


def subset(source, *, first=0, fraction=1., seed=0, order='files'):
  """The first `first` images (0: all), or a random fraction of the source.

  first: number of leading images to use.
  fraction: in (0, 1], of these images. The choice is a pure function of the
    seed and their number; a smaller fraction is a subset of a larger one, and
    the order of the images is kept.
  order: in which the first images are counted: 'files', as they come, or
    'random', in a random order of all that depends on the seed.

  Raises:
    UserError: more images than there are, or none.
  """
  indices = _of_subset(source, first, fraction, seed, order)
  if len(indices) == len(source):
    return source
  return chosen(source, indices)


def size_of_subset(total, *, first, fraction):
  """How many of `total` images `subset` chooses, before they are read."""
  return round(fraction * min(first or total, total))


def left_out(source, **options):
  """The images that `subset` with these options leaves out: a source."""
  rest = np.setdiff1d(np.arange(len(source)), _of_subset(source, **options))
  return chosen(source, rest)


def _of_subset(source, first, fraction, seed, order):
  """The indices of `subset`, sorted."""
  total = len(source)
  if not 0 <= first <= total:
    raise UserError(f'the first {first} images are asked for, '
                    f'the data set has {total}')
  count = size_of_subset(total, first=first, fraction=fraction)
  if order != 'random':
    total = first or total
  if not 1 <= count <= total:
    raise UserError(f'a fraction of {fraction} is asked for: {count} of '
                    f'{total} images; it must be in (0, 1] and leave one')
  if total < len(source):
    _warn_of_groups(source, total)
  if count == total:
    return np.arange(total)
  return np.sort(_permutation(seed, _SUBSET, total)[:count])


def _warn_of_groups(source, first):
  """Warns if images come group by group, and the first are of some only."""
  groups = _each(source, 'groups')
  few, all_ = len({*groups[:first]}), len({*groups})
  if few < all_:
    log.warning(
        'the images are sorted by folder: the first %s of %s are from %s of '
        '%s folders; if those are classes, --config.pipeline.order=random '
        'takes as many of all, by config.pipeline.fraction_seed',
        f'{first:,}', f'{len(source):,}', few, all_)


def chosen(source, indices):
  """A source of source[i] for each i of the indices, an array."""
  return (source[indices] if isinstance(source, np.ndarray)
          else _Subset(source, indices))


class _Subset:
  """source[indices[i]] of a source that decodes on access."""

  def __init__(self, source, indices):
    self._source, self._indices = source, indices
    self.dtype = source.dtype
    self.shape = (len(indices), *source.shape[1:])

  def __len__(self):
    return len(self._indices)

  def __getitem__(self, i):
    return self._source[self._indices[i]]

  def names(self):
    names = _each(self._source, 'names')
    return [names[i] for i in self._indices] if names else []

  def groups(self):
    groups = _each(self._source, 'groups')
    return [groups[i] for i in self._indices] if groups else []

  def raw(self, i):
    return _raw(self._source, self._indices[i])


def _each(source, what):
  """A list with an entry for each image, [] for a source that has none."""
  return list(getattr(source, what)()) if hasattr(source, what) else []


def _raw(source, i):
  """The bytes of image i, as stored if the source has them so."""
  if hasattr(source, 'raw'):
    return source.raw(i)
  return np.ascontiguousarray(source[i]).tobytes()


def fingerprint(source):
  """Tells a set of images from another: sixteen hexadecimal digits.

  A hash of the shape and type of the images, of the names and sizes of all
  files, relative to their folder, and of the content of up to 256 images at
  equal distances. Where the folder lies, and times of files, are not in it.
  """
  digest = hashlib.sha256(repr(
      (tuple(source.shape), np.dtype(source.dtype).name)).encode())
  for name in _each(source, 'names'):
    digest.update(name.encode('utf-8', 'surrogateescape') + b'\0')
  count = min(len(source), _READ)
  for i in range(count):
    content = _raw(source, i * len(source) // count)
    digest.update(len(content).to_bytes(8, 'little') + content)
  return digest.hexdigest()[:16]


def resident(source, limit_bytes, platform, shares=1):
  """Whether a share of the source takes at most limit_bytes as rows.

  platform: a TPU pads rows to tiles of 128 values and 32 bytes of each.
  shares: number of devices that the decoded images are divided among.
  """
  size, pixels = len(source) // shares, math.prod(source.shape[1:])
  itemsize = np.dtype(source.dtype).itemsize
  if platform == 'tpu':
    size, pixels = (-(-x // tile) * tile for x, tile in (
        (size, 32 // itemsize), (pixels, 128)))
  return size * pixels * itemsize <= limit_bytes


def as_array(source):
  """Decodes the whole source, in threads: [n, h, w, c]."""
  if isinstance(source, np.ndarray):
    return source
  images = np.empty(source.shape, source.dtype)

  def decode(i):
    images[i] = source[i]

  with futures.ThreadPoolExecutor() as pool:
    for _ in pool.map(decode, range(len(source))):
      pass  # raises the error of an image that cannot be decoded
  return images


@functools.lru_cache(maxsize=256)
def _permutations(seed, total, shards):
  """The random permutations of a seed: epoch -> [shards, total] int32.

  Pure functions of the arguments, of which the last four are remembered: runs
  of one program take those of their own seeds in turn. They are the argsorts of
  random bits of Philox with the key (seed, epoch). numpy guarantees these bits
  across versions, but not Generator.permutation.
  """
  @functools.lru_cache(maxsize=4)
  def of(epoch):
    key = [seed % 2**64, epoch % 2**64]
    bits = np.random.Philox(key=np.array(key, np.uint64)).random_raw(
        shards * total).reshape(shards, total)
    permutations = np.argsort(bits, kind='stable').astype(np.int32)
    permutations.flags.writeable = False  # the cache returns them again
    return permutations

  return of


def _permutation(seed, epoch, total):
  """One of them: [total] int32."""
  return _permutations(seed, total, 1)(epoch)[0]


def order(seed, start, count, total):
  """Indices of the images at positions start .. start + count of the stream.

  Position p has the index permutation(seed, p // total)[p % total].

  Returns: [count] int32 in [0, total).
  """
  return _orders(seed, start, count, total, 1)[0]


def _orders(seed, start, count, total, shards):
  """The same for shards of `total` images, each with permutations of its own.

  Returns: [shards, count] int32 in [0, total).
  """
  pieces = [np.empty((shards, 0), np.int32)]
  end = start + count
  while start < end:
    epoch, offset = divmod(start, total)
    piece = _permutations(seed, total, shards)(epoch)[
        :, offset:offset + end - start]
    pieces.append(piece)
    start += piece.shape[1]
  return np.concatenate(pieces, 1)


def batch_indices(seed, step, *, critics, batch, total):
  """Image indices of a plain generator step, for a notebook.

  Returns: [critics, batch] int32, a batch for each discriminator update.
  """
  return turn_indices(seed, Turn('step', critics, (0., 1.), step), batch=batch,
                      total=total)


def turn_indices(seed, turn, *, batch, total, shards=1):
  """Image indices of a Turn: [turn.critics, turn.batch or batch] int32.

  shards: with several, the images are numbered as by `arrangement`, and as many
    rows of the batches, one after another, take theirs from each shard only:
    those of shard i are i * (total // shards) and following.

  Raises:
    UserError: there is no image in the turn's share of them.
  """
  total //= shards
  low, high = (round(x * total) for x in turn.share)
  if turn.critics and low == high:
    raise UserError(f'the share of {turn.share[0]:g} to {turn.share[1]:g} of '
                    f'{total} images has none, and the turn '
                    f"'{turn.name}' needs some: more images would be right")
  rows = (turn.batch or batch) // shards
  size = turn.critics * rows
  indices = _orders(seed, turn.index * size, size, high - low, shards)
  if high - low < total:
    share = _permutations(seed, total, shards)(_SHARES)[:, low:high]
    indices = np.take_along_axis(share, indices, 1)
  first = total * np.arange(shards, dtype=np.int32)
  return (indices + first[:, None]).reshape(
      shards, turn.critics, rows).swapaxes(0, 1).reshape(
          turn.critics, shards * rows)


def arrangement(seed, total, shards):
  """The images of all shards, one shard after another: [<= total] indices.

  A random choice by the seed; the last total % shards images are in none.
  """
  if shards == 1:
    return np.arange(total)
  return _permutation(seed, _SHARDS, total)[:total // shards * shards]


class _Batches:
  """Random access to the batches of a run: item k is that of step start + k."""

  def __init__(self, source, indices, start, labels):
    self._source, self._indices, self._start = source, indices, start
    self._labels = labels

  def __len__(self):
    return sys.maxsize  # the stream has no end

  def __getitem__(self, k):
    indices = self._indices(self._start + k)
    images = self._images(indices)
    return images if self._labels is None else {
        'image': images, 'label': self._labels[indices]}

  def _images(self, indices):
    if isinstance(self._source, np.ndarray):
      return self._source[indices]
    shape = *indices.shape, *self._source.shape[1:]
    images = [self._source[i] for i in indices.ravel()]  # may be empty
    return np.array(images, self._source.dtype).reshape(shape)


def stream(source, indices, step, *, labels=None, threads=8, prefetch=8):
  """Yields the batches of steps step, step + 1, ... without end.

  Grain prefetches them in threads. Closing the generator stops the threads.

  indices: step -> [critics, rows], the image indices of this process's rows of
    the batches; both sizes may vary between steps.
  labels: [n] int32 of the source's images, if they have some.
  prefetch: number of prefetched batches, at least `threads`.

  Yields: [critics, rows, h, w, c] of the source's dtype; with labels, a Batch
    of them and of [critics, rows].
  """
  import grain
  batches = grain.MapDataset.source(_Batches(source, indices, step, labels))
  iterator = iter(batches.to_iter_dataset(
      grain.ReadOptions(num_threads=threads,
                        prefetch_buffer_size=max(prefetch, threads))))
  try:
    yield from iterator
  finally:
    iterator.close()


def prepare(rng, images, *, flip=False, dequantize=False, mean=(), std=(),
            axis_name=None):
  """Preprocesses images for the discriminator: scaling, flips, dequantization.

  images: [..., b, h, w, c], of this shard. uint8 becomes x / 127.5 - 1;
    floats keep their scale.
  flip: flip each sample horizontally with probability 1/2.
  dequantize: add U[0, 1) / 128 to scaled uint8 images (Miyato et al., 2018).
  mean, std: if not (), standardise by these numbers of each channel, in which
    black is 0 and white 1; else images stay in [-1, 1].
  axis_name: the device axis over which b is split; the random numbers of a
    sample do not depend on the number of devices.

  Returns: [..., b, h, w, c] float32.

  Raises:
    UserError: dequantize with images that are not uint8.
  """
  *lead, b, _, _, _ = images.shape
  rng_flip, rng_noise = jax.random.split(rng)

  def draw(sampler, rng, shape):  # collectives.draw shards the first axis
    values = collectives.draw(sampler, rng, (b, *lead, *shape), axis_name)
    return jnp.moveaxis(values, 0, len(lead))

  if images.dtype == jnp.uint8:
    # x / 127.5 - 1, written so that rounding cannot leave [-1, 1].
    x = (images.astype(jnp.float32) - 127.5) / 127.5
    if dequantize:
      x += draw(jax.random.uniform, rng_noise, images.shape[-3:]) / 128
  elif dequantize:
    raise UserError('pipeline.dequantize is for bytes, these images are '
                    f'{images.dtype}')
  else:
    x = images.astype(jnp.float32)
  if flip:
    coin = lambda rng, shape: jax.random.bernoulli(rng, .5, shape)
    flipped = draw(coin, rng_flip, (1, 1, 1))
    x = jnp.where(flipped, x[..., ::-1, :], x)
  if mean:
    x = ((x + 1.) / 2. - jnp.asarray(mean)) / jnp.asarray(std)
  return x
