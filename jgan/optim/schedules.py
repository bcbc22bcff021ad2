"""Learning rates over time.

Each returns an optax schedule, count -> rate, where count is the generator
step, 0 at first, for both players: five discriminator updates of one step
share its rate. `steps` is the run's length, `warmup` the number of steps in
which the rate rises linearly to its full value; the first has 1/warmup of it.
"""
import jax.numpy as jnp

from jgan.errors import UserError

__all__ = ['constant', 'cosine', 'linear']


def constant(lr, *, steps, warmup=0):
  """The rate `lr`, after the warm-up."""
  del steps
  return lambda count: lr * _rise(count, warmup)


def linear(lr, *, steps, start=0, final=0., warmup=0):
  """`lr` until step `start`, then a line to final * lr at `steps`.

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
                    f'run at step {steps}: the rate would never decay')
