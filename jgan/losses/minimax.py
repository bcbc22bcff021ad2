"""The original GAN objective (Goodfellow et al., 2014), which saturates.

D maximises log sigmoid(D(x)) + log(1 - sigmoid(D(G(z)))) and G minimises it.
G's gradient vanishes where D rejects fakes with certainty; see nonsaturating.
"""
import jax
import jax.numpy as jnp


def discriminator(real, fake):
  """real, fake: [b] logits of the whole batch -> scalar, 2 log 2 if all 0."""
  # -log sigmoid(x) is softplus(-x), and -log(1 - sigmoid(x)) is softplus(x).
  return jnp.mean(jax.nn.softplus(-real)) + jnp.mean(jax.nn.softplus(fake))


def generator(real, fake):
  """fake: [b] logits of the whole batch -> scalar in (-inf, 0)."""
  del real
  return -jnp.mean(jax.nn.softplus(fake))
