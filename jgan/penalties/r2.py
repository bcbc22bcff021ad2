"""R2 (Mescheder et al., 2018): gamma/2 * E||dD/dx||^2 on generated images.

The counterpart of R1, which it needs beside it in R3GAN (Huang et al., 2024).
Both are terms of one loss, so one backward pass differentiates both, and the
compiler shares their forward passes with the loss's.
"""
from jgan.penalties import _slope

SECOND_ORDER = True


def discriminator(play, *, gamma=10., every=1, plain=False, final=1., end=0.):
  """Play -> scalar >= 0, the mean over this shard's generated images.

  Arguments and errors as of penalties/r1.py.
  """
  images, augment = ((play.plain_fake, play.seen_fake) if plain else
                     (play.fake.image, lambda x: x))
  return _slope.penalty('r2', play, play.fake, images, augment, gamma=gamma,
                        every=every, final=final, end=end)
