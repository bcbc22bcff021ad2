"""Hinge loss with a random margin, as FastGAN has it (Liu et al., 2021).

Its code draws a margin of U[.8, 1) for every logit, so D is not asked to push
all of them equally far.
"""
import jax
import jax.numpy as jnp

from jgan.errors import UserError

DRAWS = True


def discriminator(real, fake, rng, *, low=.8, high=1.):
  """E[relu(m - D(x))] + E[relu(m' + D(G(z)))], m, m' ~ U[low, high).

  real, fake: [b] or [b, d] logits of the whole batch -> scalar.
  rng: a key, the same on all devices.

  Raises:
    UserError: low is above high.
  """
  if low > high:
    raise UserError(f'hinge_random_margin: low={low} is above high={high}; '
                    'margins are drawn from low to high')
  ours, theirs = jax.random.split(rng)
  draw = lambda key, shape: jax.random.uniform(key, shape, minval=low,
                                               maxval=high)
  return (jnp.mean(jax.nn.relu(draw(ours, real.shape) - real))
          + jnp.mean(jax.nn.relu(draw(theirs, fake.shape) + fake)))


def generator(real, fake, rng):
  """-E[D(G(z))]."""
  del real, rng
  return -jnp.mean(fake)
