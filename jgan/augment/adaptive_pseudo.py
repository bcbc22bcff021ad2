"""Adaptive pseudo augmentation, APA (Jiang et al., 2021): the more D overfits,
the more often it is shown a fake where it should see a real image.

D's logits on the real batch, and any penalty on it, are of the batch with the
fakes in it. The published code can augment all images by `ada` besides: both
then stand in the list, and follow the same signs to the same p.
"""
import jax
import jax.numpy as jnp

from jgan.augment import _adaptive
from jgan.errors import UserError
from jgan.ops import collectives

update = _adaptive.update


def start(shape):
  """What is known before the first step: -> memory.

  shape: (b, h, w, c) of all fakes of one generator update. They are grey until
    the first, and p is 0 then.
  """
  return {**_adaptive.start(), 'fakes': jnp.zeros(shape, jnp.float32)}


def remember(memory, fake, *, axis_name=None):
  """Keeps the fakes of a generator update for the steps to come: -> memory.

  fake: [b, h, w, c] of this shard, before any augmentation.
  """
  whole = collectives.gather(jax.lax.stop_gradient(fake), axis_name)
  return {**memory, 'fakes': whole}


def replace(rng, real, memory, *, axis_name=None):
  """Puts the fake of the same index for each real image with probability p.

  Args:
    rng: a key.
    real: [b, h, w, c], of this shard.
    memory: 'fakes' [at least the global b, h, w, c] and the probability 'p', a
      traced scalar >= 0.
    axis_name: the device axis over which b is split.

  Returns:
    [b, h, w, c], with no gradient to the fakes.

  Raises:
    UserError: a generator update makes fewer fakes than there are reals.
  """
  fakes, p = memory['fakes'], memory['p']
  needed = real.shape[0] * collectives.size(axis_name)
  if len(fakes) < needed:
    raise UserError(f'adaptive_pseudo: a generator update makes {len(fakes)} '
                    f'fakes for {needed} real images; config.gen_batch must '
                    'be 0 or at least config.batch')
  # This shard's rows of what every device has.
  rows = lambda _, shape: fakes[:shape[0]]
  fake = collectives.draw(rows, rng, real.shape, axis_name)
  coin = collectives.draw(jax.random.uniform, rng, (real.shape[0], 1, 1, 1),
                          axis_name)
  return jnp.where(coin < p, fake, real)
