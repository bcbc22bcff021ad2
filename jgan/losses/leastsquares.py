"""Least-squares GAN (Mao et al., 2017): regress the logits to targets.

The paper's b, a and c are `real_target`, `fake_target` and `gen_target`. Its
factor 1/2 is scale=.5; the default is 1, as in most code.
"""
import jax.numpy as jnp


def discriminator(real, fake, *, scale=1., real_target=1., fake_target=0.,
                  gen_target=1.):
  """real, fake: [b] logits of the whole batch -> scalar >= 0."""
  del gen_target
  return scale * (jnp.mean((real - real_target)**2)
                  + jnp.mean((fake - fake_target)**2))


def generator(real, fake, *, scale=1., real_target=1., fake_target=0.,
              gen_target=1.):
  """fake: [b] logits of the whole batch -> scalar >= 0."""
  del real, real_target, fake_target
  return scale * jnp.mean((fake - gen_target)**2)
