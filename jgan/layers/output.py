"""Outputs of networks, float32 whatever the dtype of the computation."""
import jax.numpy as jnp

from jgan.layers import octave


def image(x):
  """[b, h, w, c] -> float32 in [-1, 1]."""
  return jnp.tanh(x.astype(jnp.float32))


def logits(x):
  """[b, 1, ..., d] -> float32 [b], or [b, d] if d > 1."""
  shape = (x.shape[0], x.shape[-1]) if x.shape[-1] > 1 else (x.shape[0],)
  return x.astype(jnp.float32).reshape(shape)


def total(x):
  """Global sum pooling: a map [b, h, w, c] or an Octave -> float32 [b, c].

  The low map of an Octave is upsampled first, so each of its pixels counts
  four times.
  """
  return octave.whole(x).astype(jnp.float32).sum((1, 2))
