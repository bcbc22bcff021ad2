"""From a data set to batches: which images a step sees, and how they arrive.

A source has .shape (n, h, w, c), .dtype, len() and source[i] -> [h, w, c]; a
numpy array is one. The samples of a run form one endless stream, epoch after
epoch in a new order each; generator step k takes critics * batch of them,
wherever epochs end. That order is a pure function of (seed, step), so a run
goes on from a step number alone, on the device or streamed.
"""
import functools
import math
import sys
from concurrent import futures

import jax
import jax.numpy as jnp
import numpy as np

from jgan.errors import UserError
from jgan.ops import collectives

# What stands in for the epoch where a subset is drawn, or shares are.
_SUBSET, _SHARES = -1, -2


def subset(source, *, first=0, fraction=1., seed=0):
  """The first `first` images (0: all), or a random fraction of the source.

  fraction: in (0, 1]; which images is a pure function of (seed, how many
    there are), a smaller fraction is part of a larger one, and their order
    stays. Where both are given it is a fraction of the first ones.

  Raises:
    UserError: more images are asked for than there are, or none.
  """
  total = len(source)
  if not 0 <= first <= total:
    raise UserError(f'the first {first} images are asked for, '
                    f'the data set has {total}')
  total = first or total
  count = round(fraction * total)
  if not 1 <= count <= total:
    raise UserError(f'a fraction of {fraction} is asked for: {count} of '
                    f'{total} images; it must be in (0, 1] and leave one')
  if count == len(source):
    return source
  if count == total:
    kept = np.arange(total)
  else:
    kept = np.sort(_permutation(seed, _SUBSET, total)[:count])
  return source[kept] if isinstance(source, np.ndarray) else _Kept(source, kept)


class _Kept:
  """source[kept[i]] of a source that decodes."""

  def __init__(self, source, kept):
    self._source, self._kept = source, kept
    self.dtype = source.dtype
    self.shape = (len(kept), *source.shape[1:])

  def __len__(self):
    return len(self._kept)

  def __getitem__(self, i):
    return self._source[self._kept[i]]


def resident(source, limit_bytes):
  """True where the whole source, decoded, takes at most limit_bytes."""
  return math.prod(source.shape) * source.dtype.itemsize <= limit_bytes


def as_array(source):
  """Decodes the whole source, in threads: [n, h, w, c]."""
  if isinstance(source, np.ndarray):
    return source
  images = np.empty(source.shape, source.dtype)

  def decode(i):
    images[i] = source[i]

  with futures.ThreadPoolExecutor() as pool:
    for _ in pool.map(decode, range(len(source))):
      pass  # a bad image's error comes out here
  return images


@functools.lru_cache(maxsize=4)
def _permutation(seed, epoch, total):
  """[total] int32, a pure function of its arguments.

  It sorts the bits of Philox, keyed by (seed, epoch): numpy promises that
  they stay the same, but not what Generator.permutation makes of them.
  """
  key = [seed % 2**64, epoch % 2**64]
  bits = np.random.Philox(key=np.array(key, np.uint64)).random_raw(total)
  found = np.argsort(bits, kind='stable').astype(np.int32)
  found.flags.writeable = False  # the cache hands it out again
  return found


def order(seed, start, count, total):
  """Which images stand at positions start .. start + count of the stream.

  Position p holds image permutation(seed, p // total)[p % total].

  Returns: [count] int32 in [0, total).
  """
  pieces = [np.empty(0, np.int32)]
  end = start + count
  while start < end:
    epoch, offset = divmod(start, total)
    piece = _permutation(seed, epoch, total)[offset:offset + end - start]
    pieces.append(piece)
    start += len(piece)
  return np.concatenate(pieces)


def batch_indices(seed, step, *, critics, batch, total):
  """The images of generator step `step`, one batch per discriminator step.

  Returns: [critics, batch] int32.
  """
  size = critics * batch
  return order(seed, step * size, size, total).reshape(critics, batch)


def turn_indices(seed, turn, *, batch, total):
  """The images of one Turn: [turn.critics, turn.batch or batch] int32."""
  low, high = (round(x * total) for x in turn.share)
  chosen = batch_indices(seed, turn.index, critics=turn.critics,
                         batch=turn.batch or batch, total=high - low)
  if high - low == total:
    return chosen
  return _permutation(seed, _SHARES, total)[low:high][chosen]


class _Batches:
  """Random access to the batches of a run: item k is that of step start + k."""

  def __init__(self, source, indices, start):
    self._source, self._indices, self._start = source, indices, start

  def __len__(self):
    return sys.maxsize  # the stream has no end

  def __getitem__(self, k):
    indices = self._indices(self._start + k)
    if isinstance(self._source, np.ndarray):
      return self._source[indices]
    shape = *indices.shape, *self._source.shape[1:]
    images = [self._source[i] for i in indices.ravel()]  # none in some turns
    return np.array(images, self._source.dtype).reshape(shape)


def stream(source, indices, step, *, threads=8, prefetch=8):
  """Yields the batches of steps step, step + 1, ... without end.

  They are read by Grain in threads, ahead of their use. Closing the generator
  ends the threads.

  indices: step -> [critics, rows], which images it takes: of a batch those
    rows that this process holds. Steps may differ in both.
  prefetch: batches that are read ahead, at least `threads`.

  Yields: [critics, rows, h, w, c] of the source's dtype.
  """
  import grain
  batches = grain.MapDataset.source(_Batches(source, indices, step))
  iterator = iter(batches.to_iter_dataset(
      grain.ReadOptions(num_threads=threads,
                        prefetch_buffer_size=max(prefetch, threads))))
  try:
    yield from iterator
  finally:
    iterator.close()


def prepare(rng, images, *, flip=False, dequantize=False, axis_name=None):
  """Bytes to what a discriminator sees: [-1, 1], mirrored, with noise.

  images: [..., b, h, w, c], of this shard. uint8 becomes x / 127.5 - 1;
    floats keep their scale.
  flip: mirror each sample left to right with probability 1/2.
  dequantize: add U[0, 1) / 128 to the scaled bytes (Miyato et al., 2018).
  axis_name: the device axis over which b is split; what is drawn for a
    sample does not depend on the number of devices.

  Returns: [..., b, h, w, c] float32.

  Raises:
    UserError: dequantize is asked for where there are no bytes.
  """
  *lead, b, _, _, _ = images.shape
  rng_flip, rng_noise = jax.random.split(rng)

  def draw(sampler, rng, shape):  # the split axis goes first, and back
    drawn = collectives.draw(sampler, rng, (b, *lead, *shape), axis_name)
    return jnp.moveaxis(drawn, 0, len(lead))

  if images.dtype == jnp.uint8:
    # x / 127.5 - 1, written so that no rounding leaves [-1, 1].
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
    mirrored = draw(coin, rng_flip, (1, 1, 1))
    x = jnp.where(mirrored, x[..., ::-1, :], x)
  return x
