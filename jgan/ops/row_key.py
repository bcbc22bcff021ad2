"""Keys that draw an array from a row on: part of what the plain key draws.

  jax.random.normal(at(key, 6), (2, 5))

are rows 6 and 7 of jax.random.normal(key, (n, 5)) for any n, for all samplers
of jax.random that are independent between rows. The random bits of an element
are a function of the key and of the element's position (threefry of a counter,
as JAX draws by default: jax_threefry_partitionable), so the rows before need
not be drawn.
"""
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import random


def at(key, row):
  """A key whose arrays begin at row `row`, an integer or a traced one."""
  return jax.random.wrap_key_data(_joined(key, jnp.uint32(row)), impl=_IMPL)


def _joined(keys, row):
  """Words of plain keys with that of the row: [..., 2] -> [..., 3]."""
  words = jax.random.key_data(keys)
  row = jnp.broadcast_to(row, (*words.shape[:-1], 1))
  return jnp.concatenate([words, row], -1)


def _plain(words):
  return jax.random.wrap_key_data(words[:2], impl='threefry2x32')


def _bits(words, width, shape):
  """Random bits of `width` <= 32 at the positions from the row on."""
  if not shape:
    raise ValueError('a scalar has no rows')
  high, low = _product(words[2], math.prod(shape[1:]))
  position = jnp.arange(math.prod(shape), dtype=jnp.uint32).reshape(shape)
  position += low
  high = jnp.where(position < low, high + 1, high)  # a carry
  a, b = random.threefry2x32_p.bind(
      *(jnp.broadcast_to(word, shape) for word in words[:2]), high, position)
  return (a ^ b).astype(f'uint{width}')


def _product(a, b):
  """a, a traced uint32, times b < 2^32: -> high and low 32 bits."""
  a_high, a_low = a >> 16, a & 0xFFFF
  b_high, b_low = np.uint32(b >> 16), np.uint32(b & 0xFFFF)
  middle = a_low * b_low
  high = a_high * b_high
  for term in (a_high * b_low, a_low * b_high):
    high += term >> 16
    middle, before = middle + (term << 16), middle
    high += (middle < before).astype(jnp.uint32)
  return high, middle


def _seed(_):
  raise TypeError('a key that begins at a row is made by `at`')


_IMPL = random.define_prng_impl(
    key_shape=(3,), seed=_seed, random_bits=_bits,
    split=lambda words, shape: _joined(
        jax.random.split(_plain(words), shape), words[2]),
    fold_in=lambda words, data: _joined(
        jax.random.fold_in(_plain(words), data), words[2]),
    name='threefry2x32_from_row', tag='row')
