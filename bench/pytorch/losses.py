"""Losses by their names in a config: (of D, of G), of logits [b, d].

Arguments that are not in `real, fake` are keys of the config's section.
"""
import functools
import inspect

import torch
from torch.nn import functional as F

from bench.pytorch import draw


def find(section):
  """(D's, G's) of a section of a config, its arguments bound."""
  def bound(function):
    declared = inspect.signature(function).parameters
    return functools.partial(
        function, **{k: v for k, v in section.items() if k in declared})
  return [bound(function) for function in LOSSES[section['name']]]


def hinge(real, fake):
  """Lim & Ye (2017)."""
  return F.relu(1. - real).mean() + F.relu(1. + fake).mean()


def hinge_random_margin(real, fake, low=.8, high=1.):
  """FastGAN's."""
  margin = lambda x: draw.uniform(x.shape, low, high)
  return (F.relu(margin(real) - real).mean()
          + F.relu(margin(fake) + fake).mean())


def nonsaturating(real, fake):
  """Goodfellow et al. (2014)."""
  return F.softplus(-real).mean() + F.softplus(fake).mean()


def wasserstein(real, fake):
  """Arjovsky et al. (2017)."""
  return fake.mean() - real.mean()


def repulsive(real, fake, b_l=.25, b_u=4.):
  """Wang et al. (2019), bounded."""
  return (_apart(_kernel(_distances(real, real).clamp(max=b_u)))
          - _apart(_kernel(_distances(fake, fake).clamp(min=b_l))))


def mmd(real, fake):
  """MMD^2, which G minimises."""
  return (_apart(_kernel(_distances(real, real)))
          + _apart(_kernel(_distances(fake, fake)))
          - 2. * _kernel(_distances(real, fake)).mean())


def linear(real, fake):
  """G's of hinge and of Wasserstein."""
  del real
  return -fake.mean()


def fooled(real, fake):
  """G's of the non-saturating game."""
  del real
  return F.softplus(-fake).mean()


LOSSES = {'hinge': (hinge, linear),
          'hinge_random_margin': (hinge_random_margin, linear),
          'nonsaturating': (nonsaturating, fooled),
          'wasserstein': (wasserstein, linear),
          'mmd': (repulsive, mmd)}
# Those whose G looks at real images.
PAIRED = 'mmd',


def _distances(x, y):
  """Squared ones: [m, d], [n, d] -> [m, n]."""
  return (x[:, None] - y[None]).square().sum(-1)


def _kernel(d2):
  return torch.exp(-.5 * d2)


def _apart(values):
  """Mean over pairs of different samples."""
  n = len(values)
  return (values.sum() - values.trace()) / (n * (n - 1))
