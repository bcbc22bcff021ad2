"""Adaptive pseudo augmentation, APA (Jiang et al., 2021): the more D overfits,
the more images in its real batch are replaced by fakes.

D's logits on the real batch, and penalties on it, include these fakes. The
published code can be combined with `ada`: then both are entries of
config.augment, and have the same p, because they observe the same signs.
"""
import jax
import jax.numpy as jnp

from jgan.augment import _adaptive
from jgan.errors import UserError
from jgan.ops import collectives

update = _adaptive.update


def start(shape, *, classes=0):
  """The memory before the first step.

  shape: (b, h, w, c) of all fakes of one generator update. Before the first
    update they are grey images, which are not used because p is 0.
  classes: if not 0, fakes have labels, and are a pair of images and labels.
  """
  images = jnp.zeros(shape, jnp.float32)
  return {**_adaptive.start(), 'fakes': (
      images, jnp.zeros(shape[0], jnp.int32)) if classes else images}


def remember(memory, fake, *, axis_name=None):
  """Stores the fakes of a generator update for the following steps: -> memory.

  fake: [b, h, w, c] of this shard, before any augmentation; with classes, a
    pair of them and their labels.
  """
  fakes = jax.tree.map(lambda x: collectives.gather(
      jax.lax.stop_gradient(x), axis_name), fake)
  return {**memory, 'fakes': fakes}


def replace(rng, real, memory, *, axis_name=None):
  """Replaces each real image by a fake with probability p.

  Args:
    rng: a key.
    real: [b, h, w, c], of this shard; with classes, a pair of them and their
      labels.
    memory: 'fakes' [at least the global b, h, w, c] and the probability 'p', a
      traced scalar >= 0.
    axis_name: the device axis over which b is split.

  Returns:
    As `real`, with no gradient to the fakes.

  Raises:
    UserError: a generator update has fewer fakes than there are real images.
  """
  fakes, p = memory['fakes'], memory['p']
  b, made = (len(jax.tree.leaves(x)[0]) for x in (real, fakes))
  needed = b * collectives.size(axis_name)
  if made < needed:
    raise UserError(f'adaptive_pseudo: a generator update makes {made} '
                    f'fakes for {needed} real images; config.gen_batch must '
                    'be 0 or at least config.batch')
  coin = collectives.draw(jax.random.uniform, rng, (b, 1, 1, 1), axis_name)

  def replaced(fakes, real):
    # The fakes are replicated on all devices.
    fake = collectives.rows(fakes, b, axis_name)
    return jnp.where(coin.reshape(b, *[1] * (real.ndim - 1)) < p, fake, real)

  return jax.tree.map(replaced, fakes, real)
