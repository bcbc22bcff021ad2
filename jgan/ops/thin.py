"""Convolutions, of stride 1, between many channels and few.

One matrix product with all taps, and sums of shifted maps: what is shifted has
the few channels. Maps are [b, h, w, c], of c the many, kernels [kh, kw, c, d].
"""
import jax
import jax.numpy as jnp

from jgan.ops import minimal


def convolve(x, kernel, padding, out):
  """y[o] = sum_j kernel[j] x[o - before + j]: [b, *out, d].

  Args:
    x: [b, h, w, c].
    kernel: [kh, kw, c, d].
    padding: zeros (before, after) of rows and of columns.
    out: size of the output.
  """
  b, h, w, c = x.shape
  kh, kw, _, d = kernel.shape
  taps = jnp.moveaxis(kernel, 2, -1).reshape(-1, c)  # [kh kw d, c]
  products = (taps @ x.reshape(-1, c).T).reshape(kh, kw, d, b, h, w)
  edges = [(0, 0, 0)] * 4 + [(*pad, 0) for pad in padding]
  products = jax.lax.optimization_barrier(
      jax.lax.pad(products, jnp.zeros((), x.dtype), edges))
  y = sum(products[i, j, :, :, i:i + out[0], j:j + out[1]]
          for i in range(kh) for j in range(kw))
  return jnp.moveaxis(y, 0, -1)


def correlate(x, y, padding, taps):
  """Gradient of sum(y convolve(x, kernel)) by the kernel: [*taps, c, d].

  Args:
    x: [b, h, w, c].
    y: [b, *out, d].
    padding: as of `convolve`.
    taps: (kh, kw).
  """
  (_, h, w, c), (kh, kw), d = x.shape, taps, y.shape[3]
  pads = [(k - 1 - lo, n + lo - out) for (lo, _), k, n, out in zip(
      padding, taps, (h, w), y.shape[1:3])]
  y = minimal.padded(y, pads)
  shifted = jnp.concatenate([y[:, i:i + h, j:j + w]
                             for i in range(kh) for j in range(kw)], -1)
  kernel = x.reshape(-1, c).T @ shifted.reshape(-1, kh * kw * d)
  return jnp.moveaxis(kernel.reshape(c, kh, kw, d)[:, ::-1, ::-1], 0, 2)
