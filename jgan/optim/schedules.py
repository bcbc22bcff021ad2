"""Learning rates over time: functions of the player's own update count.

Each returns an optax schedule, count -> rate, where count is 0 at the first
update of the player it belongs to: a discriminator with five updates per step
counts five times as fast as its generator. `steps` is the run's length in
that player's updates, `warmup` the number of updates in which the rate rises
linearly to its full value; the first of them has 1/warmup of it.
"""
import jax.numpy as jnp

from jgan.errors import UserError

__all__ = ['constant', 'cosine', 'linear']


def constant(lr, *, steps, warmup=0):
  """The rate `lr`, after the warm-up."""
  del steps
  return lambda count: lr * _rise(count, warmup)


def linear(lr, *, steps, start=0, final=0., warmup=0):
  """`lr` until update `start`, then a line to final * lr at update `steps`.

  Raises:
    UserError: `start` is not before `steps`.
  """
  _check(start, steps)

  def rate(count):
    left = 1. - _progress(count, start, steps)
    return lr * _rise(count, warmup) * (final + (1. - final) * left)

  return rate


def cosine(lr, *, steps, start=0, final=0., warmup=0):
  """Like `linear`, along half a cosine (Loshchilov & Hutter, 2017).

  Raises:
    UserError: `start` is not before `steps`.
  """
  _check(start, steps)

  def rate(count):
    left = .5 + .5 * jnp.cos(jnp.pi * _progress(count, start, steps))
    return lr * _rise(count, warmup) * (final + (1. - final) * left)

  return rate


def _rise(count, warmup):
  return jnp.minimum(1., (count + 1) / warmup) if warmup else 1.


def _progress(count, start, steps):
  return jnp.clip((count - start) / (steps - start), 0., 1.)


def _check(start, steps):
  if start >= steps:
    raise UserError(f'schedule: start={start} is not before the end of the '
                    f'run at update {steps}: the rate would never decay')
