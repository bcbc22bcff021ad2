"""Classes in networks: what the label of an image says to G and to D.

A network with `classes` is called with labels, int [b] in [0, classes), and one
without them is not.
"""
import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jgan.errors import UserError
from jgan.layers.initializer import Init, torch_default
from jgan.ops.octave import Octave


def given(model, labels):
  """Whether the images of a network have classes.

  model: a linen module with `classes`, their number, 0 for none.

  Raises:
    UserError: it has classes and there are no labels, or vice versa; or it is
      a discriminator with classes and more than one output.
  """
  name = type(model).__module__.rpartition('.')[2]
  if bool(model.classes) != (labels is not None):
    given = 'no labels are' if labels is None else 'labels are'
    raise UserError(f'{name}: classes={model.classes}, and {given} given: '
                    'labels with classes, or neither, would be right')
  outputs = getattr(model, 'outputs', 1)
  if model.classes and outputs > 1:
    raise UserError(f'{name}: {outputs} outputs and {model.classes} classes: 1 '
                    'output, or no classes, would be right')
  return labels is not None


def embed(labels, classes, features, dense, initializer):
  """The embedding of each label, a layer 'embed': [b] -> [b, features].

  All of them are one matrix [classes, features], and are normalised as one if
  `dense` normalises its kernel.
  """
  return dense(features, use_bias=False, initializer=initializer,
               name='embed')(jax.nn.one_hot(labels, classes))


def normalisation(norm, classes, labels, **fields):
  """The factory `norm`, with a scale and a bias for each class.

  Args:
    norm: factory of normalisations (layers/norm).
    classes: their number.
    labels: int [b], of the images that are normalised; None: without classes,
      `norm` is returned unchanged.
    fields: further ones of ConditionalNorm.

  Raises:
    UserError: `spread` without classes.
  """
  if labels is None:
    if fields.get('spread'):
      raise UserError(f"spread={fields['spread']:g} is of the scales of "
                      'classes, and there are none: 0., or '
                      'config.data.labels=True, would be right')
    return norm
  layer = functools.partial(ConditionalNorm, norm, classes, **fields)
  return lambda name: lambda x, train: layer(name=name)(x, train, labels)


class ConditionalNorm(nn.Module):
  """A normalisation with the scale and the bias of the image's class (Dumoulin
  et al., 2017; in GANs, Miyato & Koyama, 2018): [b, ..., c] -> the same shape.

  Its parameters and statistics have the names of the normalisation's own, but
  'scale' and 'bias' are [classes, c]. The maps of an octave have tables each.

  Attributes:
    norm: factory of the normalisation.
    classes: their number.
    spread: standard deviation, over classes and channels, of what is added to
      scales of 1 and biases of 0 at first: 0 in SN-GAN, .02 in BigGAN (Brock
      et al., 2019), whose parameter is the difference of the scale from 1.
    initializer, dtype: as in Norm.
  """
  norm: Callable
  classes: int
  spread: float = 0.
  initializer: Init = torch_default()
  dtype: Any = jnp.float32

  @nn.compact
  def __call__(self, x, train, labels):
    """x: of images with `labels`, int [b]."""
    if isinstance(x, Octave):
      part = lambda name, x: (
          None if x is None else self.copy(name=name)(x, train, labels))
      return Octave(part('high', x.high), part('low', x.low))
    norm = self.norm(affine=False, dtype=jnp.float32)
    nn.share_scope(self, norm)
    x = norm(x, train).astype(jnp.float32)
    return (x * self._rows('scale', self.initializer.scale, labels, x)
            + self._rows('bias', nn.initializers.zeros, labels, x)
            ).astype(self.dtype)

  def _rows(self, name, start, labels, x):
    """The rows of a table that the labels name, beside x: [b, 1, ..., c]."""
    def init(key, shape):
      return start(key, shape) + nn.initializers.normal(self.spread)(
          jax.random.fold_in(key, 1), shape)

    table = self.param(name, init, (self.classes, x.shape[-1]))
    # A product: gradients of indexing are added in any order on a GPU.
    rows = jnp.matmul(jax.nn.one_hot(labels, self.classes), table,
                      precision='highest')
    return rows.reshape(-1, *(1,) * (x.ndim - 2), x.shape[-1])
