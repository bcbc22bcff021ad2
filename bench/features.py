"""Images per second through the feature networks, with random weights.

python -m bench.features [n]
"""
import sys
import time

import jax
import numpy as np

from jgan.features import _extractor, inception


def main(count):
  """Prints a table in Markdown."""
  model = inception.Inception()
  shapes = jax.eval_shape(model.init, jax.random.key(0), jax.ShapeDtypeStruct(
      (1, inception.SIDE, inception.SIDE, 3), np.float32))
  rng = np.random.default_rng(0)
  variables = jax.tree.map(
      lambda x: rng.normal(0., .05, x.shape).astype(x.dtype)**2, shapes)
  net = inception.extractor(variables, '0' * 64, resize='tf1')
  run = _extractor.compiled(net, batch=min(count, 64))
  images = rng.integers(0, 256, (count, 32, 32, 3), np.uint8)
  began = time.perf_counter()
  run(images[:1], ('features',))
  compiled = time.perf_counter()
  run(images, ('features',))
  done = time.perf_counter()
  sys.stdout.write(
      '| network | images | images/s | first batch, s |\n|---|---|---|---|\n'
      f'| inception, 32 to 299 px | {count} | {count / (done - compiled):.3g} '
      f'| {compiled - began:.1f} |\n')


if __name__ == '__main__':
  main(int(sys.argv[1]) if sys.argv[1:] else
       32 if jax.default_backend() == 'cpu' else 10000)
