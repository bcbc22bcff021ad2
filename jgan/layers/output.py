"""What leaves a network is float32, whatever it computed in."""
import jax.numpy as jnp

from jgan.layers import octave


def image(x):
  """[b, h, w, c] -> float32 in [-1, 1]."""
  return jnp.tanh(x.astype(jnp.float32))


def logits(x):
  """[b, ..., d] with one place per image -> float32 [b], or [b, d] if d > 1."""
  shape = (x.shape[0], x.shape[-1]) if x.shape[-1] > 1 else (x.shape[0],)
  return x.astype(jnp.float32).reshape(shape)


def total(x):
  """Sums over all places: a map [b, h, w, c], or an octave -> float32 [b, c].

  A pixel of an octave's low map is as many as it stands for.
  """
  return octave.whole(x).astype(jnp.float32).sum((1, 2))
