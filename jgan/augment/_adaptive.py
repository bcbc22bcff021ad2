"""Adaptive augmentation probability, by D's overfitting (Karras et al., 2020).

If D overfits, its logits on training images are positive, and the mean of
their signs approaches 1; without overfitting the mean is close to 0. The
probability p increases while this mean is above a target, and decreases while
it is below.
"""
import jax.numpy as jnp

from jgan.errors import UserError


def start(p=0.):
  """The memory before the first step, a dict of scalars."""
  return {'p': jnp.float32(p), 'signs': jnp.float32(0.),
          'seen': jnp.int32(0)}


def update(memory, sign, images, *, target=.6, every=4, kimg=500.):
  """Accumulates the signs of one update of D: -> memory, with the new p >= 0.

  p may exceed 1, which has the effect of 1.

  Args:
    memory: of `start` or the previous update; other entries are not changed.
    sign: mean sign of D's logits on the real images of this update, after
      augmentation, in [-1, 1].
    images: number of these images, on all devices.
    target: target of the mean sign over `every` updates.
    every: updates of D between changes of p.
    kimg: thousands of real images in which p can go from 0 to 1; 0 for a
      constant p.

  Raises:
    UserError: a target outside (-1, 1), every below 1, or kimg below 0.
  """
  if not -1. < target < 1. or every < 1 or kimg < 0.:
    raise UserError(f'augment: target={target:g}, every={every}, '
                    f'kimg={kimg:g}; -1 < target < 1, every >= 1 and '
                    'kimg >= 0 would be right')
  step = images * every / (1000. * kimg) if kimg else 0.
  total = memory['signs'] + sign
  count = memory['seen'] + 1
  due = count == every
  new_p = memory['p'] + step * jnp.sign(total / every - target)
  return {**memory,
          'p': jnp.where(due, jnp.maximum(new_p, 0.), memory['p']),
          'signs': jnp.where(due, 0., total),
          'seen': jnp.where(due, 0, count)}
