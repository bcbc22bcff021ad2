"""Files of statistics: mean and covariance of the features of images.

An .npz with 'mu' [d] and 'sigma' [d, d], as pytorch-fid, TTUR and ADM write
it. It does not say of which network the features are.
"""
import hashlib
from typing import NamedTuple

import numpy as np

from jgan import arrays
from jgan.errors import UserError


class Statistics(NamedTuple):
  """Mean and covariance of the features of a set of images.

  Attributes:
    path: of the file.
    mean: [d].
    cov: [d, d].
  """
  path: str
  mean: np.ndarray
  cov: np.ndarray

  @property
  def sha256(self):
    """Of the numbers, the first 16 digits."""
    return hashlib.sha256(self.mean.tobytes() + self.cov.tobytes()
                          ).hexdigest()[:16]


def of_arrays(path, named):
  """The Statistics in a file of arrays.

  named: {name: array} of the file.

  Raises:
    UserError: 'mu' and 'sigma' are missing, or not finite floats of matching
      shapes.
  """
  if not {'mu', 'sigma'} <= {*named}:
    raise UserError(f"cannot read {path}: it holds "
                    f"{', '.join(named) or 'nothing'}; an .npz with 'mu' and "
                    "'sigma' would be right")
  mean, cov = named['mu'], named['sigma']
  if not all(np.issubdtype(x.dtype, np.floating) for x in (mean, cov)):
    raise UserError(f"cannot read {path}: 'mu' is of {mean.dtype} and 'sigma' "
                    f'of {cov.dtype}; floats would be right')
  if mean.ndim != 1 or cov.shape != 2 * mean.shape:
    raise UserError(f"cannot read {path}: 'mu' is {list(mean.shape)} and "
                    f"'sigma' {list(cov.shape)}; [d] and [d, d] would be right")
  if not (np.isfinite(mean).all() and np.isfinite(cov).all()):
    raise UserError(f"cannot read {path}: 'mu' or 'sigma' is not finite")
  return Statistics(str(path), mean, cov)


def read(path):
  """The Statistics in an .npz.

  Raises:
    UserError: the file cannot be read, or as `of_arrays`.
  """
  return of_arrays(path, arrays.read(path))
