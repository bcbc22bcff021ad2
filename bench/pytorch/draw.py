"""Random numbers of the games, here so that a comparison can replace them."""
import torch


def normal(shape):
  """N(0, 1)."""
  return torch.randn(shape)


def uniform(shape, low=0., high=1.):
  """U[low, high)."""
  return torch.empty(shape).uniform_(low, high)


def integers(shape, low, high):
  """Uniform in low .. high - 1."""
  return torch.randint(low, high, shape)


def gumbel(shape):
  """Standard Gumbel."""
  return -torch.empty(shape).exponential_().log()
