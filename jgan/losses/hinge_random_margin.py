"""Hinge loss with random margins, as in FastGAN (Liu et al., 2021).

Its code draws a margin from U[.8, 1) for every logit.
"""
import jax
import jax.numpy as jnp

from jgan.errors import UserError

DRAWS = True


def discriminator(real, fake, rng, *, low=.8, high=1.):
  """E[relu(m - D(x))] + E[relu(m' + D(G(z)))], m, m' ~ U[low, high).

  real, fake: [b] or [b, d] logits of the whole batch -> scalar.
  rng: random key, the same on all devices.

  Raises:
    UserError: low is above high.
  """
  if low > high:
    raise UserError(f'hinge_random_margin: low={low} is above high={high}; '
                    'margins are drawn from low to high')
  rng_real, rng_fake = jax.random.split(rng)
  margins = lambda key, shape: jax.random.uniform(key, shape, minval=low,
                                                  maxval=high)
  return (jnp.mean(jax.nn.relu(margins(rng_real, real.shape) - real))
          + jnp.mean(jax.nn.relu(margins(rng_fake, fake.shape) + fake)))


def generator(real, fake, rng):
  """-E[D(G(z))]."""
  del real, rng
  return -jnp.mean(fake)
