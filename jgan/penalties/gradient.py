"""Gradient penalty of WGAN-GP (Gulrajani et al., 2017).

weight * E[(||dD/dx|| - center)^2] at points drawn uniformly between a real and
a generated image. D must not normalise over the batch: the penalty is of each
sample's own gradient, and batch statistics mix them.
"""
import jax
import jax.numpy as jnp

from jgan.ops import collectives


def discriminator(play, *, weight=10., center=1.):
  """Play -> scalar >= 0, the mean over this shard's pairs."""
  real, fake = play.real.image, play.fake.image
  mix = collectives.draw(jax.random.uniform, play.rng,
                         (real.shape[0], 1, 1, 1), play.axis_name)
  between = real + mix * (fake - real)
  # One backward pass gives every sample's gradient: sample i's image moves
  # only its own logits. A vmap of per-sample gradients would cost more.
  slope = jax.grad(lambda x: jnp.sum(play.disc(x)))(between)
  return weight * jnp.mean((_norm(slope) - center)**2)


def _norm(x):
  """[b, h, w, c] -> [b], the length over all pixels, differentiable at 0."""
  square = jnp.sum(x**2, axis=(1, 2, 3))
  zero = square == 0.
  # The root's slope at 0 is infinite, and infinity times the zero slope of
  # the square is NaN: both `where`s are needed to keep it out of reach.
  return jnp.where(zero, 0., jnp.sqrt(jnp.where(zero, 1., square)))
