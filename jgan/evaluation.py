"""Scores of a generator: fakes of fixed noise against images of the data set.

A metric is a file of jgan/metrics with `make(real)`, real [n, h, w, c], and
that returns `score(fake) -> float`; what does not depend on the fakes is done
once, in make.
"""
import jax
import numpy as np

from jgan import lookup
from jgan.ops.quantize import to_uint8


def scorer(config, method, source):
  """Returns (ema or gen Network) -> {metric: score}, ready when first used.

  The reals are config.eval.samples images of the set, drawn once by
  config.seed; the fakes are as many as config.eval.samples, of noise that is
  the same at every evaluation.
  """
  names = config.eval.metrics
  count, size = config.eval.samples, config.eval.batch
  sample = jax.jit(method.sample)
  made = {}

  def score(net):
    if not made:
      real = reals(source, count, config.seed)
      made.update({n: lookup.find('metrics', n).make(real) for n in names})
    fake = fakes(sample, net, count, size, method.latent, config.seed + 2,
                 dtype=source.dtype)
    return {f'eval/{name}': float(made[name](fake)) for name in names}

  return score


def reals(source, count, seed):
  """At most `count` images of a source, drawn without replacement."""
  rng = np.random.default_rng(seed)
  chosen = rng.permutation(len(source))[:count]
  return np.stack([source[int(i)] for i in np.sort(chosen)])


def fakes(sample, net, count, size, latent, seed, dtype=np.uint8):
  """`count` generated images, made `size` at a time.

  Image i depends on (seed, i // size) only, whatever the count.

  dtype: of the real images; where that is uint8 the fakes are rounded.
  """
  root = jax.random.key(seed)
  stored = to_uint8 if dtype == np.uint8 else np.asarray
  images = [stored(sample(net, jax.random.normal(
      jax.random.fold_in(root, i), (size, latent))))
      for i in range(-(-count // size))]
  return np.concatenate(images)[:count]
