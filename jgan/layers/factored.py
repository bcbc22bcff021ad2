"""Layers whose kernel is a product of low-rank factors, and models with them.

A mapping says which layers of a model are factored, and how:

  {'cell_1/c0/conv_3x3': {'form': 'cp', 'rank': 64}}

A kernel K [k, k, c, t] is the product of parameters with these names:

  cp      K[i,j,c,t] = sum_r in[c,r] height[i,r] width[j,r] out[r,t]
          (Lebedev et al., 2015): 1 x 1, k x 1, 1 x k and 1 x 1 convolutions,
          the middle two depthwise. 'way' selects the computation:
          'separable', these four; 'depthwise', with the middle two merged into
          one of k x k; 'kernel', a single convolution with K, which is
          computed from the factors for every batch: it saves no operations,
          but depthwise convolutions are slow on many devices.
  tucker  K[i,j,c,t] = sum_rs in[c,r] core[i,j,r,s] out[s,t]
          (Kim et al., 2016): 1 x 1, k x k and 1 x 1; 'rank' is a pair.
  svd     K[c,t] = sum_r in[c,r] out[r,t]: two layers, in the place of a dense
          layer or of a 1 x 1 convolution.

The paths of an octave convolution are layers, 'conv_1/high_low', and each can
be factored.

The factors are parameters of the layer itself, beside its 'bias'. They are
initialised by the layer's initializer as kernels of their shapes;
jgan/compress computes them from a trained kernel.
"""
import functools
from collections.abc import Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.core import FrozenDict

from jgan import lookup
from jgan.errors import UserError
from jgan.layers.conv import Conv
from jgan.layers.dense import Dense
from jgan.layers.octave import OctaveConv
from jgan.ops.conv import Window, convolve

# Computations of a cp convolution; the first is that of the paper.
WAYS = ('separable', 'depthwise', 'kernel')
FACTORS = ('in', 'height', 'width', 'core', 'out')
"""Names of all factors: '/(in|height|width|core|out)$' matches only these."""


class FactoredConv(Conv):
  """A Conv that is factored if `layers` has its path.

  Attributes, in addition to Conv's:
    layers: {path: {'form', 'rank', 'way'}}; the path of a layer that is not
      part of a model is ''.
  """
  layers: Mapping = FrozenDict()

  @nn.compact
  def __call__(self, x):
    options = self.layers.get('/'.join(self.path))
    if options is None:
      return super().__call__(x)
    _refuse(self, options, _CONV)
    if self.groups != 1:
      raise UserError(f"layer '{'/'.join(self.path)}' has {self.groups} groups:"
                      ' only a convolution of 1 group can be factored')
    out = _CONV[options['form']](self, x.astype(self.dtype), options)
    return _add_bias(self, out, self.kernel**2 * x.shape[-1])


class FactoredDense(Dense):
  """A Dense that is factored if `layers` has its path.

  layers: as in FactoredConv.
  """
  layers: Mapping = FrozenDict()

  @nn.compact
  def __call__(self, x):
    options = self.layers.get('/'.join(self.path))
    if options is None:
      return super().__call__(x)
    _refuse(self, options, _DENSE)
    out = _DENSE[options['form']](self, x.astype(self.dtype), options)
    return _add_bias(self, out, x.shape[-1])


def module(model, layers):
  """The generator `model` with some of its layers factored.

  The other layers keep their parameters and names.

  Args:
    model: a linen module with `latent` and layers from `conv` and `dense`.
    layers: {path: {'form': ..., 'rank': ..., 'way': ...}}.

  Raises:
    UserError: an option is wrong, or a path is not a layer that can be
      factored.
  """
  factored_model = model.clone(**{
      field: chosen(getattr(model, field), layers)
      for field in ('conv', 'dense') if hasattr(model, field)})
  z = jnp.zeros((1, model.latent))
  labels = [jnp.zeros(1, jnp.int32)] if getattr(model, 'classes', 0) else []
  arrays = _layers(jax.eval_shape(
      lambda key: factored_model.init(key, z, False, *labels),
      jax.random.key(0))['params'])
  for path in layers:
    if path not in arrays:
      raise UserError(f"no layer '{path}' to factor: "
                      f'{lookup.nearest(path, arrays)}')
    if 'in' not in arrays[path]:
      raise UserError(f"layer '{path}' cannot be factored: only a Conv or a "
                      'Dense can')
  return factored_model


def able(model):
  """Paths of the layers of a generator that can be factored, a set.

  model: as in `module`.
  """
  paths = set()

  def note(call, arguments, keywords, context):
    layer = context.module
    if (isinstance(layer, FactoredConv | FactoredDense) and not layer.weight
        and getattr(layer, 'groups', 1) == 1):
      paths.add('/'.join(layer.path))
    return call(*arguments, **keywords)

  with nn.intercept_methods(note):
    module(model, {})
  return paths


def chosen(plain, layers):
  """A layer factory like `plain` that factors the layers in `layers`.

  Args:
    plain: Conv, Dense, OctaveConv of a Conv, or a functools.partial of one. Any
      other factory is returned unchanged: its layers cannot be factored.
    layers: {path: {'form': 'cp' | 'tucker' | 'svd', 'rank': int, or a pair
      for tucker, 'way': of cp}}.

  Raises:
    UserError: an unknown form or key, or an impossible rank.
  """
  parts = functools.partial(plain)  # a partial of a partial is one flat partial
  if parts.func is OctaveConv:
    conv, *fields = parts.args
    return functools.partial(OctaveConv, chosen(conv, layers), *fields,
                             **parts.keywords)
  if parts.func not in _FACTORED:
    return plain
  return functools.partial(
      _FACTORED[parts.func], *parts.args, **parts.keywords,
      layers=FrozenDict({path: checked(path, options)
                         for path, options in layers.items()}))


def checked(path, options):
  """The options of one layer, complete and hashable.

  Raises:
    UserError: as `chosen`.
  """
  if not hasattr(options, 'keys'):
    raise UserError(f"layer '{path}' is {options!r}: {{'form': ..., 'rank': "
                    '...} would be right')
  for key in options:
    if key not in ('form', 'rank', 'way'):
      raise UserError(f"layer '{path}': unknown key '{key}': "
                      f"{lookup.nearest(key, ('form', 'rank', 'way'))}")
  form, rank = options.get('form'), options.get('rank')
  if form not in _CONV:
    raise UserError(f"layer '{path}': no form '{form}': "
                    f'{lookup.nearest(form, _CONV)}')
  pair = form == 'tucker'
  ranks = rank if pair and isinstance(rank, (list, tuple)) else [rank]
  if len(ranks) != 1 + pair or not all(
      type(r) is int and r >= 1 for r in ranks):
    wanted = 'two numbers' if pair else 'a number'
    raise UserError(f"layer '{path}': rank {rank!r} of form '{form}' must be "
                    f'{wanted} of at least 1')
  way = options.get('way', 'separable')
  if way not in WAYS or (way != WAYS[0] and form != 'cp'):
    ways = WAYS if form == 'cp' else WAYS[:1]
    raise UserError(f"layer '{path}': form '{form}' has no way '{way}': "
                    f'{lookup.nearest(way, ways)}')
  return FrozenDict(form=form, rank=tuple(ranks) if pair else rank,
                    way=way)


def _cp(conv, x, options):
  """A cp convolution in one of WAYS: see the docstring of this file."""
  k, rank = conv.kernel, options['rank']
  first = _factor(conv, 'in', x.shape[-1], rank)
  height = _factor(conv, 'height', k, rank)
  width = _factor(conv, 'width', k, rank)
  last = _factor(conv, 'out', rank, conv.features)
  if options['way'] == 'kernel':
    spatial = height[:, None] * width
    return _convolve(conv, x,
                     jnp.einsum('hwr,cr,rt->hwct', spatial, first, last))
  x = x @ first
  if options['way'] == 'depthwise':
    x = _convolve(conv, x, (height[:, None] * width)[:, :, None], groups=rank)
  else:
    x = _convolve(conv, x, height[:, None, None], (True, False), rank)
    x = _convolve(conv, x, width[None, :, None], (False, True), rank)
  return x @ last


def _tucker(conv, x, options):
  """A k x k convolution of fewer channels between two of 1 x 1."""
  k, (rank_in, rank_out) = conv.kernel, options['rank']
  x = x @ _factor(conv, 'in', x.shape[-1], rank_in)
  x = _convolve(conv, x, _factor(conv, 'core', k, k, rank_in, rank_out))
  return x @ _factor(conv, 'out', rank_out, conv.features)


def _svd_conv(conv, x, options):
  """Two 1 x 1 convolutions."""
  if conv.kernel != 1:
    raise UserError(f"layer '{'/'.join(conv.path)}' has a kernel of "
                    f'{conv.kernel} x {conv.kernel}: form svd is for 1 x 1')
  x = _convolve(conv, x, jnp.expand_dims(
      _factor(conv, 'in', x.shape[-1], options['rank']), (0, 1)))
  return x @ _factor(conv, 'out', options['rank'], conv.features)


def _svd_dense(dense, x, options):
  """Two dense layers."""
  x = x @ _factor(dense, 'in', x.shape[-1], options['rank'])
  return x @ _factor(dense, 'out', options['rank'], dense.features)


_CONV = {'cp': _cp, 'tucker': _tucker, 'svd': _svd_conv}
_DENSE = {'svd': _svd_dense}
_FACTORED = {Conv: FactoredConv, Dense: FactoredDense}


def _refuse(layer, options, forms):
  """Refuses options of a layer that its factored form would ignore."""
  path = '/'.join(layer.path)
  if options['form'] not in forms:
    raise UserError(f"layer '{path}', a {type(layer).__name__}, takes no form "
                    f"'{options['form']}': {lookup.nearest('', forms)}")
  if layer.weight:
    raise UserError(f"layer '{path}' normalises its kernel, and a factored "
                    'layer has none')


def _convolve(conv, x, kernel, along=(True, True), groups=1):
  """Convolves x with `kernel`, by the padding, stride and dilation of `conv`.

  along: whether these apply to the rows, and to the columns.
  """
  pad = conv.padding
  if pad is None:
    pad = conv.dilation * (conv.kernel // 2)
  by_axis = lambda value, default: tuple(
      value if a else default for a in along)
  return convolve(x, kernel, Window(
      by_axis(conv.stride, 1), by_axis((pad, pad), (0, 0)),
      by_axis(conv.dilation, 1), groups))


def _factor(layer, name, *shape):
  """The parameter `name` of a layer, in the layer's dtype."""
  return layer.param(name, layer.initializer.kernel, shape).astype(layer.dtype)


def _add_bias(layer, x, fan_in):
  """Adds the bias that the unfactored layer has."""
  if not layer.use_bias:
    return x
  bias = layer.param('bias', layer.initializer.bias(fan_in), x.shape[-1:])
  return x + bias.astype(x.dtype)


def _layers(params, path=''):
  """{path: names of its arrays} of each layer with a kernel or factors."""
  arrays = [name for name, value in params.items() if hasattr(value, 'shape')]
  layers = {path: arrays} if {'kernel', 'in'} & {*arrays} else {}
  for name, branch in params.items():
    if name not in arrays:
      layers |= _layers(branch, f'{path}/{name}' if path else name)
  return layers
