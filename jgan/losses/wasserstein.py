"""Wasserstein GAN (Arjovsky et al., 2017): a critic's difference of means.

It estimates a distance only while the critic is Lipschitz: add
optim.weight_clip or penalties.gradient.
"""
import jax.numpy as jnp


def discriminator(real, fake):
  """real, fake: [b] critic values of the whole batch -> scalar, any sign."""
  return jnp.mean(fake) - jnp.mean(real)


def generator(real, fake):
  """fake: [b] critic values of the whole batch -> scalar, any sign."""
  del real
  return -jnp.mean(fake)
