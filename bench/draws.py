"""What stands for random numbers while both sides are compared.

Each array is a function of its shape alone, so that JAX and PyTorch draw the
same in any order; jax.random and bench/pytorch/draw.py are replaced by these.
"""
import numpy as np


def normal(shape):
  """N(0, 1), float32."""
  return _rng(shape).normal(size=shape).astype(np.float32)


def uniform(shape, low=0., high=1.):
  """U[low, high), float32."""
  return _rng(shape).uniform(low, high, shape).astype(np.float32)


def integers(shape, low, high):
  """Uniform in low .. high - 1, int32."""
  return _rng(shape).integers(low, high, shape).astype(np.int32)


def gumbel(shape):
  """Standard Gumbel, float32."""
  return _rng(shape).gumbel(size=shape).astype(np.float32)


def _rng(shape):
  return np.random.default_rng([1, *shape])
