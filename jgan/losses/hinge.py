"""Hinge GAN (Lim & Ye, 2017; Miyato et al., 2018).

D's loss is constant for real logits above 1 and fake logits below -1; G's loss
is linear.
"""
import jax
import jax.numpy as jnp


def discriminator(real, fake):
  """real, fake: [b] logits of the whole batch -> scalar, 2 if all are 0."""
  return jnp.mean(jax.nn.relu(1. - real)) + jnp.mean(jax.nn.relu(1. + fake))


def generator(real, fake):
  """fake: [b] logits of the whole batch -> scalar, any sign."""
  del real
  return -jnp.mean(fake)
