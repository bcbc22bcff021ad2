"""Non-saturating GAN (Goodfellow et al., 2014): G maximises log D(G(z)).

The discriminator's loss is that of the minimax game; the generator's gradient
stays large where D rejects its samples.
"""
import jax
import jax.numpy as jnp


def discriminator(real, fake):
  """real, fake: [b] logits of the whole batch -> scalar, 2 log 2 if all 0."""
  # -log sigmoid(x) is softplus(-x), and -log(1 - sigmoid(x)) is softplus(x).
  return jnp.mean(jax.nn.softplus(-real)) + jnp.mean(jax.nn.softplus(fake))


def generator(real, fake):
  """fake: [b] logits of the whole batch -> scalar, log 2 if all are 0."""
  del real
  return jnp.mean(jax.nn.softplus(-fake))
