"""Relativistic pairing GAN (Jolicoeur-Martineau, 2018; Huang et al., 2024).

Each real image is compared with the fake image of the same place in the batch:
D's loss is E[log(1 + exp(-(D(x_i) - D(g_i))))], and G's is the same with real
and fake swapped. relativistic_average compares with the mean of the others.
"""
import jax
import jax.numpy as jnp

from jgan.errors import UserError

PAIRED = True


def discriminator(real, fake):
  """real, fake: [b] logits of the whole batch, pair by pair -> scalar."""
  return jnp.mean(jax.nn.softplus(fake - real))


def generator(real, fake):
  """The loss of D with real and fake images swapped: -> scalar.

  Raises:
    UserError: there are not as many fakes as real images.
  """
  if real.shape != fake.shape:
    raise UserError(f'relativistic_pairing: {len(fake)} fakes for {len(real)} '
                    'real images cannot be paired: config.gen_batch=0 would be '
                    'right')
  return discriminator(fake, real)
