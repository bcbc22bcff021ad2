"""R1 (Mescheder et al., 2018): gamma/2 * E||dD/dx||^2 on real images.

Lazy regularization (Karras et al., 2020): with every=16 it is computed at
every 16th generator step and multiplied by 16, so its mean over steps is that
of every=1. It is computed in all critic updates of such a step, or after each
in an update of its own (config.lazy).

Cost: in the other steps lax.cond skips the penalty completely. A step with the
penalty took 30 % longer than with every=1 on a two-core CPU (105 against 81 ms
for a three-layer critic), a step without it 8 ms. A vmap over `step` would turn
the cond into a select, which computes both branches at every step.
"""
import jax
import jax.numpy as jnp

from jgan.errors import UserError

SECOND_ORDER = True


def discriminator(play, *, gamma=10., every=1, plain=False):
  """Play -> scalar >= 0, the mean over this shard's real images.

  plain: take the gradient with respect to the images before augmentation (as
    in Zhao et al., 2020, for small data sets), else to the augmented images.

  Raises:
    UserError: `every` is below 1.
  """
  if every < 1:
    raise UserError(f'r1: every={every} is below 1; 1 acts at every step, '
                    '16 at one step in sixteen')

  def penalty():
    images = play.plain if plain else play.real.image
    augment = play.seen if plain else lambda x: x
    gradient = jax.grad(lambda x: jnp.sum(play.disc(augment(x))))(images)
    square = jnp.sum(gradient**2, axis=(1, 2, 3))
    return every * gamma / 2. * jnp.mean(square)

  if every == 1:
    return penalty()
  return jax.lax.cond(play.step % every == 0, penalty, lambda: jnp.float32(0.))
