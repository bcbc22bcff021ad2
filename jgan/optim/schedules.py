"""Learning rate schedules.

Each returns an optax schedule, count -> learning rate. For both players count
is the generator step, from 0: all discriminator updates of a step share its
rate. `steps` is the number of steps of the run. A decay ends at step `end`, 0
for the end of the run, which may be a fraction. `warmup` is the number of
steps in which the rate rises linearly to its full value, from 1/warmup of it.
"""
import jax.numpy as jnp

from jgan.errors import UserError

__all__ = ['constant', 'cosine', 'linear']


def constant(lr, *, steps, warmup=0):
  """The constant rate `lr`, after the warm-up.

  Raises:
    UserError: a warm-up below 0.
  """
  del steps
  _check_warmup(warmup)
  return lambda count: lr * _warmup_factor(count, warmup)


def linear(lr, *, steps, start=0, final=0., warmup=0, end=0.):
  """`lr` until step `start`, then linear decay to final * lr.

  Raises:
    UserError: `start` is not before the end of the decay, or a step or a rate
      is below 0.
  """
  steps = end or steps
  _check(start, steps, final, warmup)

  def rate(count):
    decay = 1. - _progress(count, start, steps)
    return lr * _warmup_factor(count, warmup) * (final + (1. - final) * decay)

  return rate


def cosine(lr, *, steps, start=0, final=0., warmup=0, end=0.):
  """Like `linear`, with cosine decay (Loshchilov & Hutter, 2017).

  Raises:
    UserError: as `linear`.
  """
  steps = end or steps
  _check(start, steps, final, warmup)

  def rate(count):
    decay = .5 + .5 * jnp.cos(jnp.pi * _progress(count, start, steps))
    return lr * _warmup_factor(count, warmup) * (final + (1. - final) * decay)

  return rate


def _warmup_factor(count, warmup):
  return jnp.minimum(1., (count + 1) / warmup) if warmup else 1.


def _progress(count, start, steps):
  return jnp.clip((count - start) / (steps - start), 0., 1.)


def _check_warmup(warmup):
  if warmup < 0:
    raise UserError(f'schedule: warmup={warmup}; a number of steps of at least '
                    '0 would be right')


def _check(start, steps, final, warmup):
  _check_warmup(warmup)
  if start < 0 or final < 0.:
    raise UserError(f'schedule: start={start}, final={final:g}; a step and a '
                    'share of the rate of at least 0 would be right')
  if start >= steps:
    raise UserError(f'schedule: start={start} is not before the end of the '
                    f'decay at step {steps:g}: the rate would never decay')
