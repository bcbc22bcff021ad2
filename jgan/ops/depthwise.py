"""Depthwise convolution: each channel has a kernel of its own.

XLA's is a hundred times slower than PyTorch's on a CPU. So on CPUs it is
computed as a sum of shifted feature maps, which XLA fuses into one pass, and
elsewhere by XLA's convolution. To choose by platform, the convolution and its
gradient with respect to the kernel are JAX primitives. The derivatives of each
are expressed by both, so derivatives of any order work in either mode.
"""
import functools

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

_CONVOLVE, _CORRELATE = Primitive('depthwise'), Primitive('depthwise_kernel')


@functools.partial(jax.jit, inline=True)
def convolve(x, kernel):
  """y[h, w] = sum_ij kernel[i, j] x[h + i - k // 2, w + j - k // 2].

  Args:
    x: [b, h, w, c], zero-padded.
    kernel: [k, k, 1, c] of an odd size k, in x's dtype.

  Returns:
    [b, h, w, c].
  """
  return _CONVOLVE.bind(x, kernel)


@functools.partial(jax.jit, static_argnames='size', inline=True)
def correlate(x, y, size):
  """Gradient of sum(y convolve(x, kernel)) with respect to the kernel.

  Args:
    x, y: [b, h, w, c] of the same dtype, x zero-padded.
    size: k, the kernel's size.

  Returns:
    [k, k, 1, c], sum_bhw y[h, w] x[h + i - k // 2, w + j - k // 2].
  """
  return _CORRELATE.bind(x, y, size=size)


def _xla(x, kernel):
  return jax.lax.conv_general_dilated(
      x, kernel, (1, 1), [(kernel.shape[0] // 2,) * 2] * 2,
      feature_group_count=x.shape[-1],
      dimension_numbers=('NHWC', 'HWIO', 'NHWC'))


def _xla_kernel(x, y, size):
  kernel = jnp.zeros((size, size, 1, x.shape[-1]), x.dtype)
  return jax.linear_transpose(functools.partial(_xla, x), kernel)(y)[0]


def _shifts(x, kernel):
  """`convolve` as a sum of shifted maps."""
  _, h, w, _ = x.shape
  k = kernel.shape[0]
  padded, taps = _padded(x, k), kernel[:, :, 0].astype(jnp.float32)
  return sum(padded[:, i:i + h, j:j + w] * taps[i, j]
             for i in range(k) for j in range(k)).astype(x.dtype)


def _shifts_kernel(x, y, size):
  """`correlate` as sums along rows first, for all kernel columns at once.

  XLA vectorises that sum, but not a reduction to a few numbers, so a barrier
  keeps it from fusing the two.
  """
  _, h, w, _ = x.shape
  padded, dtype, y = _padded(x, size), x.dtype, y.astype(jnp.float32)
  rows = jnp.stack([
      sum(padded[:, i:i + h, j:j + size] * y[:, :, j:j + 1] for j in range(w))
      for i in range(size)])  # [k, b, h, k, c]
  rows = jax.lax.optimization_barrier(rows)
  return rows.sum((1, 2))[:, :, None].astype(dtype)


def _padded(x, k):
  """Zero-pads in memory: if fused, every shift would test for the border."""
  pad = (k // 2,) * 2
  return jax.lax.optimization_barrier(
      jnp.pad(x.astype(jnp.float32), ((0, 0), pad, pad, (0, 0))))


def _flipped(kernel):
  return kernel[::-1, ::-1]


def _batched(primitive, arguments, axes, **statics):
  """vmap rule: the mapped axis becomes further channels."""
  n = next(x.shape[axis] for x, axis in zip(arguments, axes)
           if axis is not None)
  merged = []
  for x, axis in zip(arguments, axes):
    x = (jnp.repeat(x[..., None, :], n, -2) if axis is None
         else jnp.moveaxis(x, axis, -2))
    merged.append(x.reshape(*x.shape[:-2], -1))
  out = primitive.bind(*merged, **statics)
  return out.reshape(*out.shape[:-1], n, -1), out.ndim - 1


_CONVOLVE.def_abstract_eval(lambda x, kernel: x)
_CORRELATE.def_abstract_eval(lambda x, y, size: x.update(
    shape=(size, size, 1, x.shape[-1])))
ad.defbilinear(
    _CONVOLVE, lambda ct, x, kernel: convolve(ct, _flipped(kernel)),
    lambda ct, x, kernel: correlate(x, ct, kernel.aval.shape[0]))
ad.defbilinear(
    _CORRELATE, lambda ct, x, y, size: convolve(y, _flipped(ct)),
    lambda ct, x, y, size: convolve(x, ct))
for _primitive, _general, _cpu in ((_CONVOLVE, _xla, _shifts),
                                   (_CORRELATE, _xla_kernel, _shifts_kernel)):
  _primitive.def_impl(_general)  # outside jit, as in jax.disable_jit
  batching.primitive_batchers[_primitive] = functools.partial(
      _batched, _primitive)
  for _function, _platform in ((_general, None), (_cpu, 'cpu')):
    mlir.register_lowering(
        _primitive, mlir.lower_fun(_function, multiple_results=False),
        platform=_platform)
