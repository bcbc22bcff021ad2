"""Hinge GAN (Lim & Ye, 2017; Miyato et al., 2018).

D stops pushing a real logit above 1 and a fake one below -1; G is linear.
"""
import jax
import jax.numpy as jnp


def discriminator(real, fake):
  """real, fake: [b] logits of the whole batch -> scalar, 2 at zero."""
  return jnp.mean(jax.nn.relu(1. - real)) + jnp.mean(jax.nn.relu(1. + fake))


def generator(real, fake):
  """fake: [b] logits of the whole batch -> scalar, any sign."""
  del real
  return -jnp.mean(fake)
