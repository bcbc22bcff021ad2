"""Drift penalty (Karras et al., 2018): weight * E[D(x)^2] on real images.

It keeps the critic's outputs near 0; the Wasserstein loss is invariant to an
additive constant, so they could drift.
"""
import jax.numpy as jnp


def discriminator(play, *, weight=1e-3):
  """Play -> scalar >= 0, the mean over this shard's real images."""
  return weight * jnp.mean(play.real.logits**2)
