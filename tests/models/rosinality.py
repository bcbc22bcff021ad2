"""Weights of rosinality/stylegan2-pytorch as variables of our StyleGAN2.

Arrays are only renamed and transposed.
"""
import flax
import numpy as np

from jgan.ops.upfirdn import BINOMIAL

_LAYOUTS = {
    'same': lambda x: x,
    'dense': lambda x: x.T,
    'conv': lambda x: x.transpose(2, 3, 1, 0),
    'modulated': lambda x: x[0].transpose(2, 3, 1, 0),
    'map': lambda x: x[0].transpose(1, 2, 0),
    'scalar': lambda x: x[0],
    'color': lambda x: x[0, :, 0, 0],
    # A dense layer on a flattened 4 x 4 map: NCHW there, NHWC here.
    'flat': lambda x: x.reshape(len(x), -1, 4, 4).transpose(
        2, 3, 1, 0).reshape(-1, len(x)),
}


def from_rosinality(arrays):
  """{name: array} -> variables of Generator or Discriminator, numpy."""
  table, filters = _names(arrays)
  assert {*table, *filters} == {*arrays}
  for name, gain in filters.items():
    np.testing.assert_allclose(arrays[name], _filter(gain), atol=1e-6)
  return flax.traverse_util.unflatten_dict(
      {path: _LAYOUTS[layout](np.asarray(arrays[name]))
       for name, (path, layout) in table.items()}, sep='/')


def _names(arrays):
  """The names of all arrays of a network.

  Returns ({rosinality name: (jgan path, layout)}, {filter name: gain}).
  """
  count = lambda *ends: sum(name.endswith(ends) for name in arrays)
  if 'style.1.weight' in arrays:
    depth = sum(name.startswith('style.') for name in arrays) // 2
    return _generator(depth, count('.upsample.kernel', 'to_rgb1.conv.weight'))
  return _discriminator(count('.skip.1.weight'))


def _generator(depth, blocks):
  table = {'input.input': ('params/input/const', 'map')}
  filters = {}
  for i in range(depth):
    table |= _pair(f'style.{i + 1}', f'params/mapping/dense_{i}', 'dense')
  noise_index = 0
  for i in range(blocks):
    convs = [('conv1', 1)] if not i else [
        (f'convs.{2 * i - 2}', 0), (f'convs.{2 * i - 1}', 1)]
    for name, j in convs:
      path = f'block_{i}/conv_{j}'
      table |= _modulated(f'{name}.conv', f'params/{path}/conv')
      table |= {
          f'{name}.activate.bias': (f'params/{path}/conv/bias', 'same'),
          f'{name}.noise.weight': (f'params/{path}/noise_strength', 'scalar'),
          f'noises.noise_{noise_index}': (f'noise/{path}/map', 'map')}
      noise_index += 1
    rgb = f'to_rgbs.{i - 1}' if i else 'to_rgb1'
    path = f'params/block_{i}/to_rgb'
    table |= _modulated(f'{rgb}.conv', path)
    table[f'{rgb}.bias'] = (f'{path}/bias', 'color')
    if i:
      filters |= {f'convs.{2 * i - 2}.conv.blur.kernel': 4,
                  f'{rgb}.upsample.kernel': 4}
  return table, filters


def _discriminator(blocks):
  table = _activated('convs.0', 'from_rgb') | _activated('final_conv', 'conv')
  table |= _pair('final_linear.0', 'params/linear_0', 'flat')
  table |= _pair('final_linear.1', 'params/linear_1', 'dense')
  filters = {}
  for i in range(blocks):
    name, path = f'convs.{i + 1}', f'block_{i}'
    table |= _activated(f'{name}.conv1', f'{path}/conv_0')
    table |= _activated(f'{name}.conv2', f'{path}/conv_1', first=1)
    table[f'{name}.skip.1.weight'] = (f'params/{path}/skip/kernel', 'conv')
    filters |= {f'{name}.conv2.0.kernel': 1, f'{name}.skip.0.kernel': 1}
  return table, filters


def _pair(name, path, layout):
  """Weight and bias of a layer."""
  return {f'{name}.weight': (f'{path}/kernel', layout),
          f'{name}.bias': (f'{path}/bias', 'same')}


def _modulated(name, path):
  """A modulated convolution without its bias."""
  return {f'{name}.weight': (f'{path}/kernel', 'modulated'),
          **_pair(f'{name}.modulation', f'{path}/style', 'dense')}


def _activated(name, path, first=0):
  """A convolution; its bias belongs to the activation in rosinality's code."""
  return {f'{name}.{first}.weight': (f'params/{path}/kernel', 'conv'),
          f'{name}.{first + 1}.bias': (f'params/{path}/bias', 'same')}


def _filter(gain):
  return gain * np.outer(BINOMIAL, BINOMIAL).astype(np.float32)
