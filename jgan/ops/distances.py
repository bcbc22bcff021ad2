"""Distances within a few images, on the host."""
import numpy as np


def apart(images):
  """How far images [n, ...] are apart, in the unit of their values.

  Returns:
    {'diversity': root of the mean squared distance of two, 'nearest': mean
    distance to the nearest other one}; both are 0 for fewer than two.
  """
  flat = np.asarray(images, np.float64).reshape(len(images), -1)
  n = len(flat)
  if n < 2:
    return {'diversity': 0., 'nearest': 0.}
  # Around their mean, so that the products below cancel little.
  flat = flat - flat.mean(0)
  products = flat @ flat.T
  squares = np.diag(products)
  square = np.maximum(squares[:, None] + squares - 2. * products, 0.)
  np.fill_diagonal(square, 0.)
  others = square + np.where(np.eye(n, dtype=bool), np.inf, 0.)
  return {'diversity': float(np.sqrt(square.sum() / (n * (n - 1)))),
          'nearest': float(np.sqrt(others.min(1)).mean())}
