"""What the precision of a feature network costs in the Frechet distance.

A CPU computes float32 in every precision of JAX. So the arithmetic of a TPU is
emulated: the factors of every convolution and product are rounded to bfloat16
('default'), or split into two numbers of bfloat16 of which three products are
summed ('high'); sums are in float32. Real images of CIFAR-10 are compared with
other real ones, and with distorted ones.

python -m bench.precision DATA [n [network]]
"""
import functools
import sys

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Literal

from jgan import lookup
from jgan.features import inception, resnet56
from jgan.metrics import _frechet
from jgan.ops import resize

_SIDE = 149  # of Inception's input here: a quarter of the work of 299
_BATCH = 50
_PRODUCTS = {'highest': 0, 'high': 3, 'default': 1}


def emulated(apply, products):
  """A function of (variables, images) with rounded factors; 0: float32."""
  if not products:
    return apply

  def call(variables, images):
    closed, shape = jax.make_jaxpr(apply, return_shape=True)(variables, images)
    outputs = _evaluate(closed.jaxpr, closed.consts, products,
                        *jax.tree.leaves((variables, images)))
    return jax.tree.unflatten(jax.tree.structure(shape), outputs)

  return call


def _evaluate(jaxpr, constants, products, *inputs):
  values = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*constants, *inputs]))
  read = lambda v: v.val if isinstance(v, Literal) else values[v]
  for eqn in jaxpr.eqns:
    inputs = [*map(read, eqn.invars)]
    inner = eqn.params.get('jaxpr', eqn.params.get('call_jaxpr'))
    if eqn.primitive.name in ('conv_general_dilated', 'dot_general'):
      outputs = [_product(functools.partial(eqn.primitive.bind, **eqn.params),
                          *inputs, products)]
    elif hasattr(inner, 'consts'):
      outputs = _evaluate(inner.jaxpr, inner.consts, products, *inputs)
    else:
      outputs = eqn.primitive.bind(*inputs, **eqn.params)
      outputs = outputs if eqn.primitive.multiple_results else [outputs]
    values |= dict(zip(eqn.outvars, outputs))
  return [*map(read, jaxpr.outvars)]


def _product(multiply, x, y, products):
  # Not by conversion: XLA may remove it and its inverse.
  rounded = functools.partial(jax.lax.reduce_precision, exponent_bits=8,
                              mantissa_bits=7)
  high = rounded(x), rounded(y)
  out = multiply(*high)
  if products == 3:
    low = rounded(x - high[0]), rounded(y - high[1])
    out += multiply(high[0], low[1]) + multiply(low[0], high[1])
  return out


def random_inception():
  """(apply, variables) of Inception with random weights of unit gain."""
  model = inception.Inception()
  shapes = jax.eval_shape(model.init, jax.random.key(0), jax.ShapeDtypeStruct(
      (1, inception.SIDE, inception.SIDE, 3), np.float32))
  rng = np.random.default_rng(0)

  def draw(path, x):
    kind = path[-1].key
    if kind in ('scale', 'var'):
      return np.ones(x.shape, x.dtype)
    if kind != 'kernel':
      return np.zeros(x.shape, x.dtype)
    gain = np.sqrt(2. / np.prod(x.shape[:-1]))
    return (gain * rng.normal(size=x.shape)).astype(x.dtype)

  def apply(variables, images):
    x = resize.bilinear(images.astype(jnp.float32), _SIDE, half_pixel=False)
    return model.apply(variables, (x - 128.) / 128.)

  return apply, jax.tree_util.tree_map_with_path(draw, shapes)


def features(apply, variables, images):
  """[n, d] float32, of n images, a multiple of the batch."""
  run = jax.jit(lambda v, x: apply(v, x)['features'])
  return np.concatenate([run(variables, images[i:i + _BATCH])
                         for i in range(0, len(images), _BATCH)])


def distorted(images, rng):
  """Blurred a little, with noise: about as far away as a GAN's images."""
  x = images.astype(np.float32)
  x = (2. * x + np.roll(x, 1, 1) + np.roll(x, 1, 2)) / 4.
  return np.uint8(np.clip(x + rng.normal(0., 4., x.shape), 0., 255.))


def main(data, count, only=''):
  """Prints a table in Markdown; only: 'resnet56' or 'inception', '' for both.
  """
  load = lookup.find('data', 'cifar10').load
  rng = np.random.default_rng(0)
  train, test = (np.stack([*images]) for images in (
      load(data, split='train')[:2 * count], load(data, split='test')[:count]))
  sets = {'real': train[:count], 'others': test,
          'distorted': distorted(train[count:], rng)}
  trained = resnet56.load('', data_dir=data)
  nets = {'resnet56': (lambda v, x: trained.apply(v, trained.prepare(x)),
                       trained.variables, count),
          'inception, random': (*random_inception(), count // 10)}
  out = sys.stdout.write
  out('| network | images | precision | FD, other real images | FD, distorted '
      '| same images, from highest |\n|---|---|---|---|---|---|\n')
  for name, (apply, variables, n) in nets.items():
    if only not in name:
      continue
    exact = None
    for precision, products in _PRODUCTS.items():
      seen = {k: features(emulated(apply, products), variables, x[:n])
              for k, x in sets.items()}
      exact = exact or seen
      moments = {k: _frechet.statistics(x) for k, x in seen.items()}
      distances = [_frechet.distance(*moments['real'], *moments[k], seen[k])
                   for k in ('others', 'distorted')]
      if precision == 'highest':
        first = distances
      shift = _frechet.distance(*_frechet.statistics(exact['distorted']),
                                *moments['distorted'], seen['distorted'])
      cells = [f'{d:.6g} ({d / f - 1.:+.1e})'
               for d, f in zip(distances, first)]
      out(f'| {name} | {n} | {precision} | {" | ".join(cells)} | {shift:.2e} '
          '|\n')
      sys.stdout.flush()
    half = n // 2
    parts = [_frechet.distance(*_frechet.statistics(exact['real']),
                               *_frechet.statistics(x), x)
             for x in (exact['distorted'][:half], exact['distorted'][half:])]
    out(f'| {name} | {half} | two other sets | | {parts[0]:.6g} and '
        f'{parts[1]:.6g} | |\n')


if __name__ == '__main__':
  main(sys.argv[1], int(sys.argv[2]) if sys.argv[2:] else 2000, *sys.argv[3:])
