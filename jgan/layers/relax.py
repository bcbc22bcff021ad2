"""Relaxations of a choice: architecture logits to weights of operations.

Each takes (logits [..., n], rng, temperature) and returns weights [..., n].
With rng None there is no noise.
"""
import jax

__all__ = ['gumbel', 'gumbel_on_probabilities', 'single_path', 'softmax',
           'straight_through']


def softmax(logits, rng, temperature):
  """DARTS (Liu et al., 2019): softmax(logits), at no temperature."""
  del rng, temperature
  return jax.nn.softmax(logits)


def gumbel(logits, rng, temperature):
  """Jang et al. (2017): softmax((logits + Gumbel noise) / temperature)."""
  if rng is not None:
    logits += jax.random.gumbel(rng, logits.shape, logits.dtype)
  return jax.nn.softmax(logits / temperature)


def gumbel_on_probabilities(logits, rng, temperature):
  """As AdversarialNAS's code (Gao et al., 2020): `gumbel` of softmax(logits).

  Probabilities differ by less than 1, so the noise outweighs what was learnt.
  """
  return gumbel(jax.nn.softmax(logits), rng, temperature)


def straight_through(logits, rng, temperature):
  """Jang et al. (2017): one operation, drawn with probability
  softmax(logits), with the gradient of `gumbel`.
  """
  soft = gumbel(logits, rng, temperature)
  return _hard(soft) + _gradient_only(soft)


def single_path(logits, rng, temperature):
  """GDAS (Dong & Yang, 2019): as `straight_through`, but only the weight of
  the operation that was drawn has a gradient.

  The edge still does its merged convolutions (layers/mixed.py). To branch to
  the one drawn would be 2 times faster forward, but on a CPU 20 times slower
  with gradients.
  """
  soft = gumbel(logits, rng, temperature)
  return _hard(soft) * (1. + _gradient_only(soft))


def _hard(soft):
  return jax.nn.one_hot(soft.argmax(-1), soft.shape[-1], dtype=soft.dtype)


def _gradient_only(x):
  """Exactly zero, with the gradient of x."""
  return x - jax.lax.stop_gradient(x)
