"""How often to augment, steered by how much D overfits (Karras et al., 2020).

Where D tells training images from all others its logits on them are positive
and the mean of their signs nears 1; where it cannot, the mean is 0. A
probability p climbs as long as that mean is above a target, and falls below.
"""
import jax.numpy as jnp

from jgan.errors import UserError


def start(p=0.):
  """What is known before the first step: -> memory, a dict of scalars."""
  return {'p': jnp.float32(p), 'signs': jnp.float32(0.),
          'seen': jnp.int32(0)}


def update(memory, sign, images, *, target=.6, every=4, kimg=500.):
  """Takes note of one more update of D: -> memory, with the new p >= 0.

  p may pass 1, which augments no more than 1 does.

  Args:
    memory: of `start` or the last update; other entries stay.
    sign: mean sign of D's logits on the real images of this update, as it
      saw them, in [-1, 1].
    images: how many there were, on all devices.
    target: the mean sign to keep, over `every` updates.
    every: updates of D between changes of p.
    kimg: thousands of real images that D sees while p goes from 0 to 1, or
      back; 0 leaves p as it is.

  Raises:
    UserError: a target outside (-1, 1), every below 1, or kimg below 0.
  """
  if not -1. < target < 1. or every < 1 or kimg < 0.:
    raise UserError(f'augment: target={target:g}, every={every}, '
                    f'kimg={kimg:g}; -1 < target < 1, every >= 1 and '
                    'kimg >= 0 would be right')
  pace = images * every / (1000. * kimg) if kimg else 0.
  total = memory['signs'] + sign
  seen = memory['seen'] + 1
  due = seen == every
  moved = memory['p'] + pace * jnp.sign(total / every - target)
  return {**memory,
          'p': jnp.where(due, jnp.maximum(moved, 0.), memory['p']),
          'signs': jnp.where(due, 0., total),
          'seen': jnp.where(due, 0, seen)}
