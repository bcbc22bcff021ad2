"""The squared slope of D, of which R1 and R2 are made."""
import jax
import jax.numpy as jnp

from jgan.errors import UserError
from jgan.ops import ramp


def penalty(name, play, view, images, augment, *, gamma, every, final, end):
  """gamma/2 * E||d D(augment(x)) / dx||^2: -> scalar >= 0.

  Args:
    name: of the penalty, for messages.
    play: Play.
    view: View of the images.
    images: [b, h, w, c], they, before or after augmentation.
    augment: images -> inputs of D.
    gamma, every, final, end: as in penalties/r1.py.

  Raises:
    UserError: as penalties/r1.py.
  """
  if every < 1:
    raise UserError(f'{name}: every={every} is below 1; 1 acts at every step, '
                    '16 at one step in sixteen')
  if final < 0. or end < 0.:
    raise UserError(f'{name}: final={final:g}, end={end:g}; a factor and a '
                    'number of steps of at least 0 would be right')
  if end:
    gamma = ramp.cosine(play.step, end, gamma, final * gamma)

  def value():
    gradient = jax.grad(lambda x: jnp.sum(
        play.verdict(augment(x), view)))(images)
    # A generator may make several images of different sizes.
    square = sum(jnp.sum(g**2, axis=(1, 2, 3))
                 for g in jax.tree.leaves(gradient))
    return every * gamma / 2. * jnp.mean(square)

  if every == 1:
    return value()
  return jax.lax.cond(play.step % every == 0, value, lambda: jnp.float32(0.))
