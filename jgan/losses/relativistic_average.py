"""Relativistic average GAN (Jolicoeur-Martineau, 2019).

Each logit is judged against the mean logit of the other kind, and G plays the
discriminator's game with the roles swapped. `base` names the loss that judges,
with its own defaults: nonsaturating gives RaSGAN, hinge RaHingeGAN.
"""
import jax.numpy as jnp

from jgan import lookup

PAIRED = True


def discriminator(real, fake, *, base='nonsaturating'):
  """real, fake: [b] logits of the whole batch -> scalar.

  Raises:
    UserError: there is no loss called `base`.
  """
  judge = lookup.find('losses', base).discriminator
  return judge(real - jnp.mean(fake, 0), fake - jnp.mean(real, 0))


def generator(real, fake, *, base='nonsaturating'):
  """real, fake: [b] logits of the whole batch -> scalar.

  Raises:
    UserError: there is no loss called `base`.
  """
  return discriminator(fake, real, base=base)
