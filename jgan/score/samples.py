"""Generated and real images for scores."""
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from jgan import labelling
from jgan.ops import quantize, spread
from jgan.score import latents

_BYTES = 2**31  # of real images that are drawn at once


class Sampler:
  """Generates images by one compiled function, on all devices of a mesh.

  Each device makes its share of a batch. Image i is a function of the seed and
  i, whatever the devices and the batch are.

  Attributes:
    batch: images of one call.
    latent: the width of the noise.
    shares: how frequent each class is, [K]; None without classes.
  """

  def __init__(self, sample, latent, batch, *, mesh=None, dtype=np.uint8,
               shares=None):
    """Compiles nothing yet.

    Args:
      sample: Method.sample.
      latent: the width of its noise.
      batch: images of one call, rounded up to a multiple of the devices.
      mesh: of ops/spread.py; None: all devices.
      dtype: of the real images; if it is uint8, generated images are rounded.
      shares: as above.
    """
    self._mesh = mesh or spread.mesh()
    self.batch, self.latent = spread.divisible(batch, self._mesh), latent
    finish = (quantize.levels if np.dtype(dtype) == np.uint8 else lambda x: x)
    rows, self.shares = spread.rows(self._mesh), shares
    self._draw = jax.jit(lambda net, *inputs: finish(sample(net, *inputs)),
                         out_shardings=rows)
    self._noise = jax.jit(noise, static_argnums=(2, 3), out_shardings=rows)
    self._labels = jax.jit(functools.partial(labels, shares=shares),
                           static_argnums=2, out_shardings=rows)
    self._readable = jax.jit(lambda x: x,
                             out_shardings=spread.readable(self._mesh))

  def fakes(self, net, count, seed, told=None):
    """Yields `count` images of one seed, batch by batch.

    Args:
      net: Network.
      count, seed: numbers.
      told: [count] labels of the images; None: those of the seed, if there are
        classes.

    Yields:
      Images [batch, h, w, c] on the devices, and how many of them count.
    """
    net = self._placed(net)
    for start in range(0, count, self.batch):
      # As an int the seed would be an int32.
      z = self._noise(np.uint32(seed), start, self.batch, self.latent)
      yield (self._draw(net, z, *self._told(told, seed, start)),
             min(self.batch, count - start))

  def _told(self, told, seed, start):
    """(labels,) of a batch on the devices; () without classes."""
    if self.shares is None:
      return ()
    if told is None:
      return self._labels(np.uint32(seed), start, self.batch),
    return self._put(np.asarray(told, np.int32)[start:start + self.batch]),

  def _put(self, x):
    """Rows on the devices, filled up with zeros to a batch."""
    padding = [(0, self.batch - len(x)), *[(0, 0)] * (x.ndim - 1)]
    return spread.put(np.pad(x, padding), spread.rows(self._mesh))

  def of(self, net, z, told=None):
    """The images of given noise [n, latent], on the devices, in pieces.

    told: [n] labels; None: those of seed 0, if there are classes.

    Returns:
      A list, for `joined`.
    """
    net, z = self._placed(net), np.asarray(z)
    pieces = []
    for start in range(0, len(z), self.batch):
      pieces.append(self._readable(self._draw(
          net, self._put(z[start:start + self.batch]),
          *self._told(told, 0, start))))
    return pieces

  def array(self, net, count, seed, told=None):
    """[count, h, w, c]: images of one seed, on the host; told: as `fakes`."""
    return joined([self._readable(images) for images, _ in self.fakes(
        net, count, seed, told)], count)

  def labels(self, count, seed):
    """The labels of the images of `fakes`, [count]; None without classes."""
    return drawn(self.shares, count, seed)

  def lowered(self, net):
    """The program that makes a batch, not compiled; of `net` shapes do."""
    shape = lambda x, sharding: jax.ShapeDtypeStruct(x.shape, x.dtype,
                                                     sharding=sharding)
    z = jax.ShapeDtypeStruct((self.batch, self.latent), jnp.float32)
    everywhere = spread.everywhere(self._mesh)
    told = [] if self.shares is None else [jax.ShapeDtypeStruct(
        (self.batch,), jnp.int32, sharding=spread.rows(self._mesh))]
    return self._draw.lower(jax.tree.map(lambda x: shape(x, everywhere), net),
                            shape(z, spread.rows(self._mesh)), *told)

  def _placed(self, net):
    if hasattr(net, 'opt'):  # G as it is trained
      net = net.replace(opt=())
    return spread.copies(net, self._mesh)


def joined(pieces, count):
  """The first `count` images of pieces on the devices: numpy."""
  return np.concatenate([*map(np.asarray, pieces)])[:count]


def noise(seed, start, size, latent):
  """The noise of images start, start + 1, ...: [size, latent]."""
  root = jax.random.key(seed)
  return jax.vmap(lambda i: jax.random.normal(
      jax.random.fold_in(root, i), (latent,)))(start + jnp.arange(size))


def labels(seed, start, size, *, shares):
  """The labels of images start, start + 1, ...: [size] int32.

  Image i has a random label that depends on the seed and i, and is independent
  of its noise.
  """
  root = jax.random.key(seed)
  return jax.vmap(lambda i: labelling.drawn(shares, jax.random.fold_in(
      jax.random.fold_in(root, i), 1), ()))(start + jnp.arange(size))


def drawn(shares, count, seed):
  """The labels of `count` images of a seed, [count]; None without classes."""
  return None if shares is None else np.asarray(labels(
      np.uint32(seed), 0, count, shares=shares))


def interpolation(seed, rows, count, latent):
  """Rows of latents, each from one normal sample to another one.

  Returns:
    [rows * count, latent].
  """
  return latents.rows(*latents.pairs(seed, rows, latent), count)


def reals(source, count, seed):
  """[n, h, w, c]: at most `count` images, drawn without replacement.

  They are fewer where as many would not fit into 2 GiB.
  """
  size = np.dtype(source.dtype).itemsize * math.prod(source.shape[1:])
  count = min(count, max(1, _BYTES // size))
  rng = np.random.default_rng(seed)
  chosen = rng.permutation(len(source))[:count]
  return np.stack([source[int(i)] for i in np.sort(chosen)])
