"""Relativistic average GAN (Jolicoeur-Martineau, 2019).

The mean logit of fake images is subtracted from the logits of real images and
vice versa, and G's loss is D's with real and fake swapped. `base` is the name
of the loss of these differences, with its own defaults: nonsaturating gives
RaSGAN, hinge RaHingeGAN.
"""
import jax.numpy as jnp

from jgan import lookup

PAIRED = True


def discriminator(real, fake, *, base='nonsaturating'):
  """real, fake: [b] logits of the whole batch -> scalar.

  Raises:
    UserError: there is no loss called `base`.
  """
  loss = lookup.find('losses', base).discriminator
  return loss(real - jnp.mean(fake, 0), fake - jnp.mean(real, 0))


def generator(real, fake, *, base='nonsaturating'):
  """real, fake: [b] logits of the whole batch -> scalar.

  Raises:
    UserError: there is no loss called `base`.
  """
  return discriminator(fake, real, base=base)
