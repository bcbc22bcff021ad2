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
from jgan.penalties import _slope

SECOND_ORDER = True


def discriminator(play, *, gamma=10., every=1, plain=False, final=1., end=0.):
  """Play -> scalar >= 0, the mean over this shard's real images.

  Args:
    play: Play.
    gamma: the weight, at the start if it changes.
    every: generator steps between two evaluations.
    plain: take the gradient with respect to the images before augmentation (as
      in Zhao et al., 2020, for small data sets), else to the augmented images.
    final: what gamma is multiplied by at step `end`, and from then on.
    end: generator steps in which gamma moves there, by half a cosine wave; 0:
      gamma is constant.

  Raises:
    UserError: `every` is below 1, `final` or `end` below 0.
  """
  images, augment = ((play.plain, play.seen) if plain else
                     (play.real.image, lambda x: x))
  return _slope.penalty('r1', play, play.real, images, augment, gamma=gamma,
                        every=every, final=final, end=end)
