"""Functions restated in operations that programs other than JAX have too.

A traced function is evaluated again, operation by operation, with these
replaced:

  convolutions of jgan (ops/conv.py, ops/depthwise.py)
                by XLA's, with maps [b, h, w, c] and kernels [h, w, in, out]
  random keys and their bits (threefry; Salmon et al., 2011)
                by sums, shifts and exclusive ors of uint32, the same bits
  erf_inv       by the polynomials that XLA uses on CPUs (Giles, 2012)
  logistic      by its definition
  choices by platform
                by that for any platform
  nested functions, rematerialisation, custom derivatives
                by what they contain

Arrays without elements, and what is not used, are left out.
"""
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from jgan.errors import UserError

# Rotations of threefry2x32, in turns, and the constant of its key schedule.
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)
# Coefficients of erf_inv(x) / x, highest power first, where -log(1 - x^2) is
# below 5, and above.
_CENTRAL = (2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06,
            .00021858087, -.00125372503, -.00417768164, .246640727, 1.50140941)
_TAIL = (-.000200214257, .000100950558, .00134934322, -.00367342844,
         .00573950773, -.0076224613, .00943887047, 1.00167406, 2.83297682)
# Primitives that compute by XLA's convolution outside of jit.
_CONVOLUTIONS = ('convolve', 'convolve_input', 'convolve_kernel', 'depthwise',
                 'depthwise_kernel')
_NESTED = ('jit', 'pjit', 'remat2', 'checkpoint', 'custom_jvp_call',
           'custom_vjp_call', 'closed_call', 'core_call')


def restated(function, *arguments):
  """The program of a function, in operations that are widely known.

  Args:
    function: of arrays.
    arguments: jax.ShapeDtypeStruct of its arguments; a dimension may be a
      symbol (jax.export.symbolic_shape).

  Returns:
    A closed jaxpr with the leaves of the arguments and of the output.

  Raises:
    UserError: an operation has no restatement.
  """
  traced = jax.make_jaxpr(function)(*arguments)
  # Later passes restate what replacements consist of, and drop what these
  # leave unused.
  for _ in range(3):
    traced = jax.make_jaxpr(lambda *leaves, program=traced: _evaluate(
        program.jaxpr, program.consts, leaves))(*jax.tree.leaves(arguments))
  return traced


def _evaluate(jaxpr, constants, arguments):
  """The outputs of a jaxpr; in it keys are arrays of two words [..., 2]."""
  values = dict(zip([*jaxpr.constvars, *jaxpr.invars],
                    [*map(_words, constants), *arguments]))
  read = lambda x: x.val if isinstance(x, core.Literal) else values[x]
  for eqn in _used(jaxpr):
    values.update(zip(eqn.outvars, _applied(eqn, [*map(read, eqn.invars)])))
  return [*map(read, jaxpr.outvars)]


def _used(jaxpr):
  """The operations on which outputs depend."""
  needed, used = {x for x in jaxpr.outvars if isinstance(x, core.Var)}, []
  for eqn in reversed(jaxpr.eqns):
    if needed & {*eqn.outvars}:
      used.append(eqn)
      needed |= {x for x in eqn.invars if isinstance(x, core.Var)}
  return used[::-1]


def _applied(eqn, inputs):
  """The outputs of one operation, a list."""
  name, params = eqn.primitive.name, eqn.params
  if name in _NESTED:
    inner = next(params[key] for key in ('jaxpr', 'call_jaxpr')
                 if key in params)
    return _evaluate(getattr(inner, 'jaxpr', inner),
                     getattr(inner, 'consts', ()), inputs)
  if name == 'cond' and not isinstance(inputs[0], jax.core.Tracer):
    branch = params['branches'][int(inputs[0])]
    return _evaluate(branch.jaxpr, branch.consts, inputs[1:])
  if name in _CONVOLUTIONS:
    return [eqn.primitive.impl(*inputs, **params)]
  if name in _RULES:
    return [_RULES[name](*inputs, **params)]
  if any(map(_is_key, (*eqn.invars, *eqn.outvars))):
    return [_moved(name, *inputs, **params)]
  outputs = eqn.primitive.bind(*inputs, **params)
  return outputs if eqn.primitive.multiple_results else [outputs]


# Convolutions.

def _convolution(x, kernel, *, dimension_numbers, **params):
  """Any conv_general_dilated, of [b, h, w, c] and [h, w, in, out]."""
  x_axes, kernel_axes, out_axes = dimension_numbers
  last = lambda axes: (axes[0], *axes[2:], axes[1])
  if params['batch_group_count'] != 1:
    raise UserError('no restatement of a convolution with groups of a batch')
  y = jax.lax.conv_general_dilated(
      jnp.transpose(x, last(x_axes)),
      jnp.transpose(kernel, (*kernel_axes[2:], kernel_axes[1],
                             kernel_axes[0])),
      params['window_strides'], params['padding'], params['lhs_dilation'],
      params['rhs_dilation'], ('NHWC', 'HWIO', 'NHWC'),
      params['feature_group_count'])
  return jnp.transpose(y, np.argsort(last(out_axes)))


# Random keys.

def _is_key(x):
  return jax.dtypes.issubdtype(getattr(x, 'aval', x).dtype,
                               jax.dtypes.prng_key)


def _words(x):
  """An array as it is; of keys their words."""
  return jax.random.key_data(x) if _is_key(x) else x


def _moved(name, keys, **params):
  """An operation that gives keys another shape."""
  if name in ('random_wrap', 'random_unwrap'):
    return keys
  shapes = {'squeeze': lambda x: jax.lax.squeeze(x, params['dimensions']),
            'reshape': lambda x: jax.lax.reshape(x, params['new_sizes']),
            'broadcast_in_dim': lambda x: jax.lax.broadcast_in_dim(
                x, params['shape'], params['broadcast_dimensions'])}
  if name not in shapes:
    raise UserError(f"no restatement of '{name}' of random keys")
  return jnp.stack([shapes[name](keys[..., i]) for i in range(2)], -1)


def _seed(seeds, **_):
  """jax.random.key of integers of 32 bits or less."""
  seeds = jnp.asarray(seeds).astype(jnp.uint32)
  return jnp.stack([jnp.zeros_like(seeds), seeds], -1)


def _fold_in(keys, data):
  """jax.random.fold_in of each key."""
  data = jnp.asarray(data).astype(jnp.uint32)
  return jnp.stack(_threefry(keys[..., 0], keys[..., 1], jnp.zeros_like(data),
                             data), -1)


def _bits(keys, *, bit_width, shape):
  """jax.random.bits(key, shape) of 32 bits, for each key."""
  if bit_width != 32:
    raise UserError(f'no restatement of random numbers of {bit_width} bits')
  position = np.arange(math.prod(shape), dtype=np.uint32).reshape(shape)
  a, b = _threefry(*(jnp.expand_dims(keys[..., i], [*range(-len(shape), 0)])
                     for i in range(2)), np.zeros_like(position), position)
  return a ^ b


def _threefry(a, b, x, y):
  """Threefry-2x32 of the key (a, b) and the counter (x, y): two words."""
  keys = a, b, a ^ b ^ _PARITY
  x, y = x + a, y + b
  for i in range(5):
    for turn in _ROTATIONS[i % 2]:
      x = x + y
      y = (y << np.uint32(turn)) | (y >> np.uint32(32 - turn))
      y = x ^ y
    x = x + keys[(i + 1) % 3]
    y = y + keys[(i + 2) % 3] + np.uint32(i + 1)
  return x, y


def _erf_inv(x):
  """The inverse of the error function, of float32."""
  w = -jnp.log1p(-x * x)
  near, far = w - 2.5, jnp.sqrt(w) - 3.
  low = high = jnp.zeros_like(x)
  for c, d in zip(_CENTRAL, _TAIL):
    low, high = low * near + np.float32(c), high * far + np.float32(d)
  return jnp.where(w < 5., low, high) * x


def _concatenate(*arrays, dimension):
  """Without arrays that have no elements."""
  return jax.lax.concatenate([x for x in arrays if 0 not in x.shape] or
                             arrays[:1], dimension)


def _pad(x, value, *, padding_config):
  """Padding as concatenation with, and slices of, what is there."""
  def constant(axis, length, like):
    return jnp.broadcast_to(value, (*like.shape[:axis], length,
                                    *like.shape[axis + 1:]))

  for axis, (low, high, between) in enumerate(padding_config):
    if between:
      length = x.shape[axis] * (between + 1)
      part = jnp.expand_dims(x, axis + 1)
      x = jax.lax.concatenate([part, constant(axis + 1, between, part)],
                              axis + 1).reshape(
                                  *x.shape[:axis], length, *x.shape[axis + 1:])
      high -= between
    if low < 0 or high < 0:
      x = jax.lax.slice_in_dim(x, max(-low, 0), x.shape[axis] - max(-high, 0),
                               axis=axis)
    if low > 0 or high > 0:
      x = jax.lax.concatenate(
          [constant(axis, n, x) for n in (low,) if n > 0] + [x]
          + [constant(axis, n, x) for n in (high,) if n > 0], axis)
  return x


_RULES = {
    'conv_general_dilated': _convolution, 'random_seed': _seed,
    'random_fold_in': _fold_in, 'random_bits': _bits, 'erf_inv': _erf_inv,
    'concatenate': _concatenate, 'pad': _pad,
    'logistic': lambda x, **_: 1. / (1. + jnp.exp(-x)),
    'platform_index': lambda *, platforms: np.int32(next(
        i for i, names in enumerate(platforms) if names is None))}
