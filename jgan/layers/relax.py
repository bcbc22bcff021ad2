"""Relaxations of a categorical choice: architecture logits -> weights.

Each maps (logits [..., n], rng, temperature) to weights [..., n] of the n
candidate operations. With rng=None no noise is added.
"""
import jax

__all__ = ['gumbel', 'gumbel_on_probabilities', 'single_path', 'softmax',
           'straight_through']


def softmax(logits, rng, temperature):
  """DARTS (Liu et al., 2019): softmax(logits), without temperature or noise."""
  del rng, temperature
  return jax.nn.softmax(logits)


def gumbel(logits, rng, temperature):
  """Jang et al. (2017): softmax((logits + Gumbel noise) / temperature)."""
  if rng is not None:
    logits += jax.random.gumbel(rng, logits.shape, logits.dtype)
  return jax.nn.softmax(logits / temperature)


def gumbel_on_probabilities(logits, rng, temperature):
  """The code of AdversarialNAS (Gao et al., 2020): `gumbel` of softmax(logits).

  Probabilities differ by less than 1, so the noise dominates the learned
  logits.
  """
  return gumbel(jax.nn.softmax(logits), rng, temperature)


def straight_through(logits, rng, temperature):
  """Straight-through Gumbel softmax (Jang et al., 2017): a one-hot sample of
  softmax(logits), with the gradient of `gumbel`.
  """
  soft = gumbel(logits, rng, temperature)
  return _hard(soft) + _gradient_only(soft)


def single_path(logits, rng, temperature):
  """GDAS (Dong & Yang, 2019): as `straight_through`, but only the weight of
  the sampled operation has a gradient.

  The edge still computes its merged convolutions (layers/mixed.py). Branching
  to the sampled operation would make the forward pass 2 times faster, but on a
  CPU the gradients 20 times slower.
  """
  soft = gumbel(logits, rng, temperature)
  return _hard(soft) * (1. + _gradient_only(soft))


def _hard(soft):
  return jax.nn.one_hot(soft.argmax(-1), soft.shape[-1], dtype=soft.dtype)


def _gradient_only(x):
  """Has the value zero and the gradient of x."""
  return x - jax.lax.stop_gradient(x)
