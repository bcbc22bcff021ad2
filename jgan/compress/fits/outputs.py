"""Factors fit the outputs of their layer on generated images.

Kalle et al. (2025): of all kernels K' of a rank, not the one nearest to K is
wanted but one whose layer computes nearly the same, min tr((K - K')^T S (K -
K')), with the second moments S of what the layer reads. Inputs that the layer
hardly ever reads cost nothing. S is of the layer's inputs in the network as it
was trained; it takes noise, and no data.

The channels of the output can count alike, each relative to its mean square,
because a normalisation that follows makes them so. That is not in the paper.
"""
import numpy as np

from jgan.compress import moments
from jgan.errors import UserError


def measure(sample, net, noise, paths, *, images=4096, ridge=1e-4):
  """The second moments of the layers: {path: S [n, n]}.

  Args:
    sample: (net, z) -> images.
    net: Network of the generator.
    noise: count -> z, that of `count` images, as of moments.measure.
    paths: of the layers.
    images: generated for the moments.
    ridge: share of the mean of S's diagonal that is added to its diagonal.

  Raises:
    UserError: as moments.measure; or images < 1, ridge <= 0.
  """
  if images < 1 or not 0. < ridge < float('inf'):
    raise UserError(f'config.compress.fit has images={images} and ridge='
                    f'{ridge:g}: at least 1, and above 0, would be right')
  return moments.measure(sample, net, noise(images), paths, ridge=ridge)


def refit(kind, kernel, factors, seen, *, alike=True, iterations=50):
  """Factors of the same rank with the least error of the outputs.

  Args:
    kind: a module of compress/forms.
    kernel: the array.
    factors: of kind.factor, of which the result is never worse.
    seen: S of the layer.
    alike: divide the error of each channel of the outputs by its mean square,
      so that no channel is lost because others are larger; else as published.
    iterations: of alternating least squares, at most.

  Returns:
    As kind.factor.
  """
  if not alike:
    return kind.refit(kernel, factors, seen, iterations)
  kernel = np.asarray(kernel, np.float64)
  matrix = kernel.reshape(len(seen), -1)
  size = np.sqrt(np.sum(matrix * (seen @ matrix), 0))
  size = np.where(size > 0, size, 1.)
  scaled = kind.refit(kernel / size, {**factors, 'out': factors['out'] / size},
                      seen, iterations)
  return {**scaled, 'out': scaled['out'] * size}
