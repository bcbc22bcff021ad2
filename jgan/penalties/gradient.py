"""Gradient penalty of WGAN-GP (Gulrajani et al., 2017).

weight * E[(||dD/dx|| - center)^2] at points drawn uniformly between a real and
a generated image. D must not have batch normalisation: the penalty is on the
gradient of each sample, and batch statistics couple the samples.
"""
import jax
import jax.numpy as jnp

from jgan.ops import collectives

SECOND_ORDER = True


def discriminator(play, *, weight=10., center=1.):
  """Play -> scalar >= 0, the mean over this shard's pairs."""
  real, fake = play.real.image, play.fake.image
  mix = collectives.draw(jax.random.uniform, play.rng,
                         (real.shape[0], 1, 1, 1), play.axis_name)
  interpolated = real + mix * (fake - real)
  # One backward pass gives the gradients of all samples, because the logits of
  # a sample depend on its image only. A vmap of gradients would cost more.
  # A point between two images has the class of the real one.
  gradient = jax.grad(lambda x: jnp.sum(play.verdict(x, play.real)))(
      interpolated)
  return weight * jnp.mean((_norm(gradient) - center)**2)


def _norm(x):
  """L2 norm of each sample, differentiable at 0: [b, h, w, c] -> [b]."""
  square = jnp.sum(x**2, axis=(1, 2, 3))
  zero = square == 0.
  # The derivative of the root at 0 is infinite, and its product with the zero
  # derivative of the square is NaN: avoiding it needs both `where`s.
  return jnp.where(zero, 0., jnp.sqrt(jnp.where(zero, 1., square)))
