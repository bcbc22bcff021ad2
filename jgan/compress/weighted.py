"""Least squares in the metric of a layer's inputs.

The squared norm of an error E of a kernel [kh, kw, c, t], as a matrix [n, t],
is tr(E^T S E), S [n, n] the second moments of compress/moments.py: the mean
squared change of the layer's outputs. With S = I it is that of Frobenius. S is
no product of parts for rows, columns and channels, so that the equations of one
factor do not come apart into rows, as those of plain alternating least squares
do; conjugate gradients solve them.
"""
import numpy as np
from scipy.linalg import solve
from scipy.sparse.linalg import LinearOperator, cg

from jgan.compress.tensorly_session import session

_STEPS = 5  # of conjugate gradients: the next round goes on where they end


def norm(error, moments):
  """The norm of an error [..., t] of a kernel: a float."""
  error = _matrix(error, moments)
  # Rounding can make the square of nearly nothing negative.
  return float(np.sqrt(max(np.sum(error * (moments @ error)), 0.)))


def rounds(step, factors, compose, kernel, moments, iterations, tolerance=1e-5):
  """Repeats an update of all factors: the best factors, by the norm.

  Args:
    step: factors -> factors.
    factors: those to begin with, so that the result is never worse.
    compose: factors -> the kernel.
    kernel: the array that they are to represent.
    moments: S.
    iterations: at most.
    tolerance: ends when the norm falls by less, relative to itself.
  """
  error = lambda f: norm(kernel - compose(f), moments)
  best = error(factors)
  with session():  # one BLAS thread
    for _ in range(iterations):
      new = step(factors)
      now = error(new)
      if not now < best:
        break
      factors, last, best = new, best, now
      if last - best < tolerance * last:
        break
  return factors


def along(axis, kernel, moments, start, basis):
  """The factor of the rows, columns or input channels, the others given.

  Of min |K - fold(F basis^T)|, where K unfolds with its axis `axis` as rows. A
  step of plain least squares is the preconditioner: it would be the solution if
  S were a product of the axis' own part and the unit matrix.

  Args:
    axis: 0, 1 or 2.
    kernel: [kh, kw, c, t].
    moments: S.
    start: [m, r], where conjugate gradients begin.
    basis: [the kernel's other axes, r].

  Returns:
    [m, r].
  """
  shape, size = kernel.shape, kernel.shape[axis]
  moved = (size, *shape[:axis], *shape[axis + 1:])
  fold = lambda x: np.moveaxis(x.reshape(moved), 0, axis)
  unfold = lambda x: np.moveaxis(x, axis, 0).reshape(size, -1)
  weigh = lambda x: (moments @ _matrix(x, moments)).reshape(shape)
  grams = [np.linalg.pinv(x, rcond=1e-12, hermitian=True)
           for x in (_own(axis, moments, shape), basis.T @ basis)]

  def normal(x):
    return (unfold(weigh(fold(x.reshape(start.shape) @ basis.T))) @ basis
            ).ravel()

  def plain(x):
    return (grams[0] @ x.reshape(start.shape) @ grams[1]).ravel()

  operators = [LinearOperator((start.size,) * 2, matvec=function,
                              dtype=np.float64) for function in (normal, plain)]
  x, _ = cg(operators[0], (unfold(weigh(kernel)) @ basis).ravel(),
            x0=start.ravel(), M=operators[1], rtol=1e-10, maxiter=_STEPS)
  return x.reshape(start.shape)


def outputs(kernel, moments, basis):
  """The factor [r, t] of the output channels, of min |K - basis F|.

  basis: [..., r], of the kernel's other axes.
  """
  basis, kernel = (_matrix(x, moments) for x in (basis, kernel))
  weighed = basis.T @ moments
  normal = weighed @ basis
  # So little that it only tells equal columns apart.
  normal += 1e-12 * np.mean(np.diag(normal)) * np.eye(len(normal))
  return solve(normal, weighed @ kernel, assume_a='pos')


def subspace(kernel, moments, rank):
  """[t, rank]: the directions in which the layer's outputs are largest.

  The orthonormal V with the largest tr(V^T K^T S K V): K V V^T is the nearest
  kernel of this rank (Eckart & Young, 1936, of S^(1/2) K).
  """
  kernel = _matrix(kernel, moments)
  _, vectors = np.linalg.eigh(kernel.T @ moments @ kernel)
  return vectors[:, :-rank - 1:-1]


def _own(axis, moments, shape):
  """[m, m]: S of one axis, its mean over the places along the others."""
  letters = 'hwc'
  pair = letters.replace(letters[axis], 'z')
  cells = moments.reshape(*shape[:3], *shape[:3])
  others = len(moments) // shape[axis]
  return np.einsum(f'{letters}{pair}->{letters[axis]}z', cells) / others


def _matrix(x, moments):
  """[n, ...] of an array with the kernel's axes but the last one."""
  return np.reshape(x, (len(moments), -1))
