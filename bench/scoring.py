"""Seconds of the host for one score of 50,000 images, beside the devices' work.

The feature network is a stand-in that costs nothing, of the width of Inception
(2048 features, 1008 logits); so what is timed is what the host does itself.

python -m bench.scoring [n]
"""
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

from jgan import protocol
from jgan.features import _extractor
from jgan.metrics import fd, inception_score
from jgan.metrics._samples import Samples
from jgan.ops import moments, spread
from jgan.score import samples, viewer

_DIMS, _CLASSES, _LATENT, _BATCH = 2048, 1008, 128, 1000


def features(seed, n, d=_DIMS):
  """[n, d] float32, like a network's: not negative, of a decaying spectrum."""
  mix = np.random.default_rng(0).normal(size=(d, d)).astype(np.float32)
  mix *= np.arange(1, d + 1, dtype=np.float32)[:, None]**-.7
  noise = np.random.default_rng(seed).standard_normal((n, d), np.float32)
  return np.maximum(noise @ mix + .2, 0.)


def stand_in(needs):
  """A Viewer whose network copies a few pixels, without moments."""
  def apply(variables, x):
    x = x.astype(jnp.float32).reshape(len(x), -1)
    return {'features': x[:, :1], 'logits': jnp.tile(x[:, :1], _CLASSES)}

  net = _extractor.Extractor('none', 'FD', '0' * 64, 1, _CLASSES, _BATCH, {},
                             lambda x: x, apply, {})
  names = {'standard': protocol.find('standard')}
  return viewer.Viewer(names, dict.fromkeys(names, net), needs,
                       mesh=spread.mesh(), batch=_BATCH)


def main(count):
  """Prints a table in Markdown."""
  rows = []

  def timed(name, function):
    start = time.perf_counter()
    value = function()
    rows.append((name, time.perf_counter() - start))
    return value

  sampler = samples.Sampler(
      lambda net, z: jnp.zeros((len(z), 32, 32, 3)) + z[:, :1, None, None],
      _LATENT, _BATCH)
  sees = stand_in({'moments', 'logits'})
  look = lambda n: viewer.finished(sees.look(sampler.fakes((), n, 0)))
  look(_BATCH)
  timed(f'{-(-count // _BATCH)} batches given to the devices, logits read',
        lambda: look(count))
  real, fake = features(1, 2 * _DIMS), features(2, count)
  add = jax.jit(moments.add, donate_argnums=0)
  sums = jax.jit(lambda: moments.empty(_DIMS))()
  for i in range(0, count, _BATCH):
    sums = add(sums, fake[i:i + _BATCH], min(_BATCH, count - i))
  jax.block_until_ready(sums)

  def gather():
    s = spread.local(sums)
    mean, scatter = moments.mean_and_scatter(s)
    return Samples(count, mean, scatter / (s.count - 1))

  moments_of_fakes = timed('sums to moments in float64', gather)
  reals = Samples(len(real), real.mean(0), np.cov(real, rowvar=False))
  value = timed('Frechet distance',
                lambda: fd.score(reals, moments_of_fakes))['']
  exact = fd.score(reals, Samples(count, fake.mean(0, dtype=np.float64),
                                  np.cov(fake, rowvar=False)))['']
  logits = features(3, count, _CLASSES)
  timed('Inception score', lambda: inception_score.score(
      None, Samples(count, logits=logits), splits=10))
  out = sys.stdout.write
  out(f'| host work for {count:,} images | seconds |\n|---|---|\n')
  for name, seconds in [*rows, ('sum', sum(s for _, s in rows))]:
    out(f'| {name} | {seconds:.2f} |\n')
  out(f'\nThe distance is off by {value / exact - 1:.1e} of that of sums in '
      'float64.\n')


if __name__ == '__main__':
  main(int(sys.argv[1]) if sys.argv[1:] else 50000)
