"""What the networks of searched cells share.

These functions are called inside a compact method of `model`, a linen module.
The layers they make are its own; its fields are their parts.
"""
import functools

import jax
import jax.numpy as jnp

from jgan.layers import octave, output
from jgan.layers.initializer import torch_default
from jgan.space import logit_shapes


def convolutions(model, conv=None):
  """Makes convolutions as the model's fields say, or others by `conv`."""
  return functools.partial(conv or model.conv, initializer=model.initializer(),
                           dtype=model.dtype)


def norms(model):
  """Makes normalisations as the model's fields say."""
  return functools.partial(model.norm, initializer=model.initializer(),
                           dtype=model.dtype, axis_name=model.axis_name)


def stem(model, z, side, name='linear'):
  """Noise [b, c] -> a map [b, side, side, width], by one dense layer."""
  x = model.dense(side**2 * model.width, initializer=torch_default(),
                  dtype=model.dtype, name=name)(z)
  return x.reshape(-1, side, side, model.width)


def images(model, x, train):
  """The last map -> images [b, h, w, colors] in [-1, 1]: norm, act, conv."""
  x = model.act(norms(model)(name='norm')(x, train))
  conv = octave.last(convolutions(model))
  return output.image(conv(model.colors, name='to_rgb')(x))


def logits(model, x, start):
  """The last map -> logits [b], or [b, outputs]: act, sum of places, dense.

  start: Init of the dense layer.
  """
  return output.logits(model.dense(
      model.outputs, use_bias=False, initializer=start, name='linear')(
          output.total(model.act(x))))


def offered(cells):
  """Per cell {edge: the operations it chooses from}, of Edges."""
  return [{name: edge.ops for name, edge in edges.items()} for edges in cells]


def edge_weights(model, cells):
  """Per cell {edge: weights of its operations}, of a super-network.

  `model` has a field `relax`: its logits are the collection 'arch', by part
  and drawn from N(0, 1e-3^2), the temperature of their relaxation is
  'temperature' in 'schedule'.

  cells: {name: jgan.space.Edge} each.
  """
  temperature = model.variable('schedule', 'temperature', jnp.ones, ()).value
  weights = {}
  for part, shape in logit_shapes(cells).items():
    variable = model.variable(
        'arch', part, lambda *shape: 1e-3 * jax.random.normal(
            model.make_rng('params'), shape), *shape)
    noise = model.make_rng('noise') if model.has_rng('noise') else None
    weights[part] = model.relax(variable.value, noise, temperature)
  # An edge may have fewer operations than its part of the logits.
  return [{name: weights[edge.part][edge.row][:len(edge.ops)]
           for name, edge in edges.items()} for edges in cells]
