"""Convolution, transposed convolution and the gradient of a kernel.

XLA's own are fast on accelerators. On CPUs some shapes are several times
slower than need be, so the three are JAX primitives, which choose by platform
and, on CPUs, by shape. Each is linear in both arguments, and its derivatives
are the other two, so derivatives of any order work in either mode. Maps are
[b, h, w, c], kernels [kh, kw, c / groups, d].

On a CPU (docs/performance.md has the measurements), from SMALL products on:

  minimal    3x3 and 5x5 kernels, also dilated ones, and 4x4 of stride 2, by
             minimal filtering (ops/minimal.py), of as many images at a time as
             a cache holds.
  phases     Other transposed convolutions with a stride s are s^2 convolutions
             of the input, with every s-th tap each: no product is with a zero
             between the inputs.
  thin       Few channels on one side: one matrix product with all taps, and
             sums of shifted maps (ops/thin.py).
  groups     Up to GROUPS groups of several channels are convolutions of their
             own: XLA's gradient of a grouped kernel is a hundred times slower.
  otherwise  XLA's, which is also the fastest to compile.

Products are of float32 and sums in float32; bfloat16 is rounded once, at the
end.
"""
import functools
import math
from typing import NamedTuple

import jax
import jax.export
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from jgan.ops import minimal, thin

_CONVOLVE, _TRANSPOSE, _CORRELATE = (
    Primitive('convolve'), Primitive('convolve_input'),
    Primitive('convolve_kernel'))

SMALL = 2**24
"""Products of the definition below which a convolution is not worth a program
that takes longer to compile."""
THIN = 4
"""Channels up to which a side of a convolution is thin."""
CACHE = 24 * 2**20
"""Bytes up to which what is written is still in a cache when it is read."""
FEWEST = {'convolve': {(2, 2): 256, (3, 3): 32, (5, 5): 64},
          'transpose': {(2, 2): 64, (3, 3): 32, (5, 5): 64},
          'correlate': {(2, 2): 64, (3, 3): 32, (5, 5): 32}}
"""Channels, by taps without a stride, from which minimal filtering is faster.
"""
GROUPS = 32
"""Groups up to which a program with a convolution for each is worth to compile.
"""
MEMORY = 128 * 2**20
"""Bytes that a convolution may write besides its output."""


class Window(NamedTuple):
  """How a kernel moves over a map; pairs are (rows, columns).

  Attributes:
    stride: steps between outputs.
    padding: zeros (before, after) of either axis; negative numbers crop.
    dilation: steps between the taps of the kernel.
    groups: number of channel groups that are convolved separately.
    brief: whether a program that compiles sooner is worth more than a faster
      one: 5 x 5 and dilated kernels are XLA's on a CPU too.
  """
  stride: tuple[int, int] = (1, 1)
  padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
  dilation: tuple[int, int] = (1, 1)
  groups: int = 1
  brief: bool = False

  def outputs(self, size, taps):
    """(h, w) of the output for inputs and a kernel of such (h, w)."""
    return tuple(max((n + sum(pad) - d * (k - 1) - 1) // s + 1, 0)
                 for n, pad, d, k, s in zip(size, self.padding, self.dilation,
                                            taps, self.stride))


@functools.partial(jax.jit, static_argnames='window', inline=True)
def convolve(x, kernel, window):
  """y[o] = sum_j kernel[j] x[stride o - padding + dilation j].

  Args:
    x: [b, h, w, c].
    kernel: [kh, kw, c / groups, d], in x's dtype.
    window: Window.

  Returns:
    [b, *window.outputs((h, w), (kh, kw)), d].
  """
  return _CONVOLVE.bind(x, kernel, window=window)


@functools.partial(jax.jit, static_argnames=('window', 'size'), inline=True)
def transpose(y, kernel, window, size):
  """Gradient of sum(y convolve(x, kernel)) with respect to x.

  It is a transposed convolution: pixel o adds y[o] kernel[j] to
  stride o - padding + dilation j.

  Args:
    y: [b, *window.outputs(size, (kh, kw)), d].
    kernel: [kh, kw, c / groups, d], in y's dtype.
    window: Window.
    size: (h, w).

  Returns:
    [b, h, w, c].
  """
  return _TRANSPOSE.bind(y, kernel, window=window, size=size)


@functools.partial(jax.jit, static_argnames=('window', 'taps'), inline=True)
def correlate(x, y, window, taps):
  """Gradient of sum(y convolve(x, kernel)) with respect to the kernel.

  Args:
    x: [b, h, w, c].
    y: [b, *window.outputs((h, w), taps), d], in x's dtype.
    window: Window.
    taps: (kh, kw).

  Returns:
    [kh, kw, c / groups, d].
  """
  return _CORRELATE.bind(x, y, window=window, taps=taps)


# XLA's own.

def _xla(x, kernel, window):
  if min(map(min, window.padding)) < 0:
    # On a CPU XLA reads beyond the map where the padding is negative.
    crops = [(min(lo, 0), min(hi, 0), 0) for lo, hi in window.padding]
    x = jax.lax.pad(x, jnp.zeros((), x.dtype), [(0,) * 3, *crops, (0,) * 3])
    window = window._replace(padding=tuple(
        (max(lo, 0), max(hi, 0)) for lo, hi in window.padding))
  return jax.lax.conv_general_dilated(
      x, kernel, window.stride, window.padding, rhs_dilation=window.dilation,
      feature_group_count=window.groups,
      dimension_numbers=('NHWC', 'HWIO', 'NHWC'))


def _xla_transpose(y, kernel, window, size):
  x = jnp.zeros((y.shape[0], *size, kernel.shape[2] * window.groups), y.dtype)
  return jax.linear_transpose(
      lambda x: _xla(x, kernel, window), x)(y)[0]


def _xla_correlate(x, y, window, taps):
  kernel = jnp.zeros((*taps, x.shape[3] // window.groups, y.shape[3]), x.dtype)
  return jax.linear_transpose(
      lambda kernel: _xla(x, kernel, window), kernel)(y)[0]


# On a CPU.

def _cpu(x, kernel, window):
  c, d = kernel.shape[2:]
  if _splits(window, c):
    return _of_groups(_cpu, (x, kernel), window)
  out = window.outputs(x.shape[1:3], kernel.shape[:2])
  if images := _minimal('convolve', kernel.shape[:2], x.shape[0], out, window,
                        c, d):
    return minimal.convolve(x, kernel, window, out, images)
  if _slides(window) and _is_thin(kernel.shape[:2], x, d):
    return thin.convolve(x, kernel, window.padding, out)
  return _xla(x, kernel, window)


def _cpu_transpose(y, kernel, window, size):
  c, d = kernel.shape[2:]
  if _splits(window, c):
    return _of_groups(_cpu_transpose, (y, kernel), window, size)
  if images := _minimal('transpose', kernel.shape[:2], y.shape[0], size, window,
                        c, d):
    return minimal.transpose(y, kernel, window, size, images)
  if _slides(window):
    # With a flipped kernel it is a convolution itself.
    window = window._replace(padding=tuple(
        (k - 1 - lo, n + lo - out) for (lo, _), k, n, out in zip(
            window.padding, kernel.shape, size, y.shape[1:3])))
    return _cpu(y, kernel[::-1, ::-1].swapaxes(2, 3), window)
  if c > THIN and _slides(window._replace(stride=(1, 1))) and _pays(
      *y.shape, *kernel.shape[:3]):
    return _phases(y, kernel, window, size)
  return _xla_transpose(y, kernel, window, size)


def _cpu_correlate(x, y, window, taps):
  c, d = x.shape[3], y.shape[3]
  if _splits(window, c // window.groups):
    return _of_groups(_cpu_correlate, (x, y), window, taps)
  if images := _minimal('correlate', taps, x.shape[0], y.shape[1:3], window,
                        c, d):
    return minimal.correlate(x, y, window, taps, images)
  if _slides(window) and _is_thin(taps, x, d):
    return thin.correlate(x, y, window.padding, taps)
  return _xla_correlate(x, y, window, taps)


def _splits(window, channels):
  """Whether every group, of so many channels, is convolved by itself."""
  return 1 < window.groups <= GROUPS and channels > 1


def _of_groups(function, arguments, window, *statics):
  """A convolution of groups as one convolution for each, side by side.

  function: (*arguments, window, *statics) -> array; groups are parts of the
    last axis of each array.
  """
  groups, window = window.groups, window._replace(groups=1)
  parts = zip(*(jnp.split(x, groups, -1) for x in arguments))
  return jnp.concatenate([function(*part, window, *statics)
                          for part in parts], -1)


def _slides(window):
  """Whether a kernel moves by single steps, over all channels together."""
  return window == Window(padding=window.padding, brief=window.brief)


def _minimal(what, taps, batch, out, window, c, d):
  """Images that minimal filtering takes at a time, or 0 where it is slower.

  It saves products in proportion to c d and writes 4 (c + d) numbers for each
  output, 9 (c + d) with 5 x 5 taps: from FEWEST channels on that pays where
  those of an image fit in the processor's cache, from 128 on as long as there
  is memory for them. To take the batch in parts costs copies, which pay from 64
  channels on, and always for the gradient of the kernel, of which XLA's own is
  the slowest. With more taps there are more products for what is written, so a
  part may be larger.

  Args:
    what: of FEWEST.
    taps, c, d: of the kernel; with a stride s, every s-th pixel is a channel.
    batch, out: of what is computed, or of y for the gradient of the kernel.
    window: Window.
  """
  stride, gradient = window.stride, what == 'correlate'
  if (window.groups > 1 or any(k % s for k, s in zip(taps, stride))
      or (stride != (1, 1) and window.dilation != (1, 1))):
    return 0
  taps, c = tuple(k // s for k, s in zip(taps, stride)), c * math.prod(stride)
  if what == 'transpose':
    out = tuple(-(-n // s) for n, s in zip(out, stride))
  batch, out = minimal.phases(batch, out, window.dilation)
  if (min(c, d) < FEWEST[what].get(taps, math.inf) or min(out) < 4
      or (window.brief and (taps == (5, 5) or window.dilation != (1, 1)))
      or jax.export.is_symbolic_dim(batch)
      or not _pays(batch, *out, *taps, c, d)):
    return 0
  room = CACHE * max(math.prod(taps), 9) // 9
  each = minimal.written(taps, out, c + d if gradient else max(c, d))
  if each > (MEMORY if min(c, d) >= 128 else room if gradient else room // 2):
    return 0
  images = max(n for n in range(1, batch + 1)
               if batch % n == 0 and (n == 1 or n * each <= room))
  return images if images == batch or gradient or min(c, d) >= 64 else 0


def _is_thin(taps, x, d):
  """Whether ops/thin.py is faster; d: the few channels."""
  *pixels, c = x.shape
  return (d <= THIN and c >= 4 * d and _pays(*pixels, *taps, c, d)
          and _fits(4 * math.prod((*pixels, *taps, d)), MEMORY))


def _fits(written, limit):
  """Whether so many bytes are within a limit; they may depend on a batch that
  is not known when a program is exported.
  """
  return not jax.export.is_symbolic_dim(written) and written <= limit


def _pays(*sizes):
  """Whether a product of sizes is at least SMALL, or not known, as above."""
  products = math.prod(sizes)
  return jax.export.is_symbolic_dim(products) or products >= SMALL


def _phases(y, kernel, window, size):
  """`transpose` with a stride: output i = s t + u from the taps of phase u."""
  rows, columns = (_phase_taps(s, lo) for s, (lo, _) in zip(
      window.stride, window.padding))
  lengths = [-(-n // s) for n, s in zip(size, window.stride)]
  parts = []
  for first, lo in rows:
    parts.append([])
    for second, left in columns:
      part = kernel[first::window.stride[0], second::window.stride[1]]
      pads = tuple(
          (k - 1 - n, length + n - out)
          for n, k, length, out in zip((lo, left), part.shape, lengths,
                                       y.shape[1:3]))
      flipped = part[::-1, ::-1].swapaxes(2, 3)
      parts[-1].append(_cpu(y, flipped, Window(padding=pads)) if part.size
                       else jnp.zeros((y.shape[0], *lengths, part.shape[2]),
                                      y.dtype))
  x = jnp.stack([jnp.stack(row, 3) for row in parts], 2)
  x = x.reshape(x.shape[0], *(n * s for n, s in zip(lengths, window.stride)),
                x.shape[-1])
  return x[:, :size[0], :size[1]]


def _phase_taps(stride, before):
  """(first, shift) of every u < s: output s t + u sums y[t + shift - m] times
  tap first + s m.
  """
  return [((u + before) % stride, (u + before) // stride)
          for u in range(stride)]


# As primitives.

def _batched(primitive, arguments, axes, window, **statics):
  """vmap rule: a larger batch, or further channels in groups of their own."""
  n = next(x.shape[axis] for x, axis in zip(arguments, axes)
           if axis is not None)
  if axes[1] is None and primitive is not _CORRELATE:
    x = jnp.moveaxis(arguments[0], axes[0], 0)
    out = primitive.bind(x.reshape(-1, *x.shape[2:]), arguments[1],
                         window=window, **statics)
    return out.reshape(n, -1, *out.shape[1:]), 0
  merged = []
  for x, axis in zip(arguments, axes):
    x = (jnp.repeat(x[..., None, :], n, -2) if axis is None
         else jnp.moveaxis(x, axis, -2))
    merged.append(x.reshape(*x.shape[:-2], -1))
  window = window._replace(groups=window.groups * n)
  out = primitive.bind(*merged, window=window, **statics)
  return out.reshape(*out.shape[:-1], n, -1), out.ndim - 1


def _once_rounded(function):
  """`function` in float32, rounded to its arguments' dtype at the end."""
  def rounded(*arguments, **statics):
    dtype = arguments[0].dtype
    single = [x.astype(jnp.float32) if dtype == jnp.bfloat16 else x
              for x in arguments]
    return function(*single, **statics).astype(dtype)
  return rounded


_CONVOLVE.def_abstract_eval(lambda x, kernel, window: x.update(
    shape=(x.shape[0], *window.outputs(x.shape[1:3], kernel.shape[:2]),
           kernel.shape[3])))
_TRANSPOSE.def_abstract_eval(lambda y, kernel, window, size: y.update(
    shape=(y.shape[0], *size, kernel.shape[2] * window.groups)))
_CORRELATE.def_abstract_eval(lambda x, y, window, taps: x.update(
    shape=(*taps, x.shape[3] // window.groups, y.shape[3])))
ad.defbilinear(
    _CONVOLVE,
    lambda ct, x, kernel, window: transpose(
        ct, kernel, window, x.aval.shape[1:3]),
    lambda ct, x, kernel, window: correlate(
        x, ct, window, kernel.aval.shape[:2]))
ad.defbilinear(
    _TRANSPOSE,
    lambda ct, y, kernel, window, size: convolve(ct, kernel, window),
    lambda ct, y, kernel, window, size: correlate(
        ct, y, window, kernel.aval.shape[:2]))
ad.defbilinear(
    _CORRELATE,
    lambda ct, x, y, window, taps: transpose(
        y, ct, window, x.aval.shape[1:3]),
    lambda ct, x, y, window, taps: convolve(x, ct, window))
for _primitive, _general, _on_cpu in (
    (_CONVOLVE, _xla, _cpu),
    (_TRANSPOSE, _xla_transpose, _cpu_transpose),
    (_CORRELATE, _xla_correlate, _cpu_correlate)):
  _primitive.def_impl(_general)  # outside jit, as in jax.disable_jit
  batching.primitive_batchers[_primitive] = functools.partial(
      _batched, _primitive)
  for _function, _platform in ((_general, None),
                               (_once_rounded(_on_cpu), 'cpu')):
    mlir.register_lowering(
        _primitive, mlir.lower_fun(_function, multiple_results=False),
        platform=_platform)
