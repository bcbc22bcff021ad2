"""Super-networks of AdversarialNAS's space that compile in a second.

They have its logits; what each operation does is to scale hidden channels by
numbers of its own.
"""
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest

from jgan import config as configs
from jgan.layers import dense, norm, output, relax
from jgan.models import adversarial_nas_super
from jgan.spaces import adversarial_nas as space


def gates(model, shapes):
  """What the weighted operations of all edges multiply by: [width]."""
  heat = model.variable('schedule', 'temperature', jnp.ones, ()).value
  total = 1.
  for part, shape in shapes.items():
    start = lambda s: 1e-3 * jax.random.normal(model.make_rng('params'), s)
    logits = model.variable('arch', part, start, shape)
    noise = model.make_rng('noise') if model.has_rng('noise') else None
    scales = model.param(f'operations_{part}', nn.initializers.normal(.3),
                         (*shape, model.width))
    total += jnp.tensordot(model.relax(logits.value, noise, heat), scales, 3)
  return total


class Generator(nn.Module):
  size: int
  colors: int
  latent: int = 4
  width: int = 4
  relax: Callable = relax.softmax
  up: tuple = space.UP
  dtype: Any = jnp.float32
  axis_name: str | None = None

  @nn.compact
  def __call__(self, z, train):
    h = dense.plain(self.width)(z) * gates(
        self, {'normal': (3, 5, 7), 'up': (3, 2, len(self.up))})
    h = jnp.tanh(norm.batch(axis_name=self.axis_name)(h, train))
    h = dense.plain(self.size**2 * self.colors)(h)
    return output.image(h.reshape(-1, self.size, self.size, self.colors))


class Discriminator(nn.Module):
  size: int
  colors: int
  outputs: int = 1
  width: int = 4
  relax: Callable = relax.softmax
  dtype: Any = jnp.float32
  axis_name: str | None = None

  @nn.compact
  def __call__(self, x, train):
    del train
    h = dense.spectral(self.width)(x.reshape(len(x), -1))
    h = jnp.tanh(h * gates(self, {'normal': (4, 5, 7), 'down': (4, 2, 6)}))
    self.sow('features', 'blocks', h[:, None, None])
    return output.logits(dense.spectral(self.outputs)(h))


@pytest.fixture(scope='module')
def toys():
  """Puts them in the place of the real ones."""
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(adversarial_nas_super, 'Generator', Generator)
    patch.setattr(adversarial_nas_super, 'Discriminator', Discriminator)
    yield


@pytest.fixture(scope='module')
def game(toys):
  """Makes the config of a search with them; changes: {'a.b': value}."""
  def made(**changes):
    c = configs.base()
    c.steps, c.batch, c.gen_batch = 4, 16, 8
    c.devices = 1
    c.data = {'name': 'digits', 'size': 8}
    c.generator = {'name': 'adversarial_nas_super'}
    c.discriminator = {'name': 'adversarial_nas_super'}
    c.loss = {'name': 'mmd'}
    c.method = {'name': 'adversarial_search', 'arch_lr': .01}
    c.ema.decay = .5
    c.log.every = 1
    c.samples.every = 0
    c.checkpoint.every = 2
    for path, value in changes.items():
      c.update_from_flattened_dict({path: value})
    return c
  return made
