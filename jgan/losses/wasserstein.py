"""Wasserstein GAN (Arjovsky et al., 2017): difference of mean critic values.

It estimates the Wasserstein distance only if the critic is Lipschitz
continuous: add optim.weight_clip or penalties.gradient.
"""
import jax.numpy as jnp


def discriminator(real, fake):
  """real, fake: [b] critic values of the whole batch -> scalar, any sign."""
  return jnp.mean(fake) - jnp.mean(real)


def generator(real, fake):
  """fake: [b] critic values of the whole batch -> scalar, any sign."""
  del real
  return -jnp.mean(fake)
