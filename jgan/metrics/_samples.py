"""The inputs of a metric: Samples, of which some statistics or all are known.

A metric is a file of jgan/metrics with
  NEEDS: the fields of Samples it reads: 'moments' (mean and cov), 'features',
    'spatial', 'logits', 'images'.
  REFERENCE: True if it compares with the real images; False if it uses the
    generated images alone (`real` may be None); 'previous' if `real` is the
    generator's output at the previous evaluation.
  BETTER: {suffix: 'lower', 'higher' or 'neither'}: the values it returns, and
    which of two is the better one; everything that ranks goes by this.
  score(real, fake, *, knobs, seed): {suffix: float}; the suffix '' is for the
    value that is logged under the metric's own name.
Where part of the work depends on the real images alone, score is replaced by
  make(real): (fake) -> {suffix: float}.
and optionally
  label(net): the name of its value, of a feature network; else its own name
    and the network's.
  NAMES: what the names of its values begin with, if not with the file's name.
  least(*, knobs): how many real and how many generated images it needs; raises
    UserError for knobs with which no number of images would do.
  check(net, classes, real, fake): raises UserError, before training, where it
    could not score: of a network, the classes' names, the labels of real and
    of generated images, None if not known.
"""
from typing import NamedTuple

import numpy as np

from jgan.errors import Stopped, UserError


class Samples(NamedTuple):
  """One set of images, real or generated, as a feature network saw it.

  Attributes:
    count: number of images.
    mean: [d] float64, of the features.
    cov: [d, d] float64, of the features, divided by count - 1.
    features: [count, d] floats.
    logits: [count, k] floats.
    images: [count, h, w, c] uint8.
    spatial: mean [e] and covariance [e, e] of the spatial features, as `mean`
      and `cov` are of the features.
    labels: [count] int32, the classes; None if they are not known.
  """
  count: int
  mean: np.ndarray | None = None
  cov: np.ndarray | None = None
  features: np.ndarray | None = None
  logits: np.ndarray | None = None
  images: np.ndarray | None = None
  spatial: tuple[np.ndarray, np.ndarray] | None = None
  labels: np.ndarray | None = None


def matrix(array, name, *, least):
  """Checks that an array is finite and [n, d], and returns it.

  Args:
    array: features or logits; None if there are none.
    name: for error messages, such as 'features of the real images'.
    least: the smallest n that the metric needs.

  Raises:
    UserError: None, not a matrix, or too few rows.
    Stopped: a value is not finite.
  """
  if array is None:
    raise UserError(f'{name}: there are only statistics of them; this metric '
                    'needs the images themselves')
  array = np.asarray(array)
  if array.ndim != 2:
    raise UserError(f'{name}: shape {list(array.shape)}; [n, d] would be right')
  if len(array) < least:
    raise UserError(f'{name}: {len(array)} are too few; this metric needs '
                    f'{least} or more')
  finite = np.isfinite(array).all(axis=1)
  if not finite.all():
    raise Stopped(f'{name}: {np.sum(~finite)} of {len(array)} are not finite; '
                  'score an earlier checkpoint')
  return array


def labels(told, name):
  """The labels of a set, [count] int.

  Args:
    told: they, or None.
    name: for error messages, such as 'generated images'.

  Raises:
    UserError: they are not known.
  """
  if told is None:
    raise UserError(f'the classes of the {name} are not known, and this metric '
                    'is of classes: a run with config.data.labels=True has '
                    'them')
  return np.asarray(told)


def features(real, fake, *, least):
  """Both sets' features, [n, d] and [m, d], n and m at least `least`.

  Raises:
    UserError, Stopped: as `matrix`; UserError also if d differs, which means
      that the features come from two networks.
  """
  real = matrix(real.features, 'features of real images', least=least)
  fake = matrix(fake.features, 'features of generated images', least=least)
  if real.shape[1] != fake.shape[1]:
    raise UserError(f'{real.shape[1]} features of real images against '
                    f'{fake.shape[1]} of generated ones; both have to come '
                    'from one network')
  return real, fake
