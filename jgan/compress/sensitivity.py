"""Sensitivity of the score to compression, one layer and one rank at a time.

The rule of MMD-AdversarialNAS: factor a single layer, score the network
without fine-tuning, and compress the layers whose score changes little.
"""
from typing import Any, NamedTuple

import numpy as np

from jgan.compress import factorize
from jgan.compress.fitting import fitting, form
from jgan.errors import UserError


class Row(NamedTuple):
  """The result of factoring a single layer with a single rank.

  Attributes:
    layer: its path.
    form: 'cp' or 'svd'.
    rank: of the factors.
    params: parameters of the unchanged layer, including the bias.
    removed: how many fewer parameters the factored layer has.
    error: relative error of the kernel.
    score: of the network with only this layer factored.
  """
  layer: str
  form: str
  rank: Any
  params: int
  removed: int
  error: float
  score: float


def trials(shapes, tried):
  """The layers and ranks to measure, in the order of the layers.

  Args:
    shapes: {path: kernel shape} of the layers.
    tried: ranks. For each layer, those that make it smaller are measured.

  Returns:
    Pairs of a path and {'form': 'svd' | 'cp', 'rank'}: svd for dense layers
    and convolutions of 1 x 1, cp for larger ones.

  Raises:
    UserError: no rank makes a layer smaller.
  """
  pairs = [(path, {'form': fitting(shape)[0], 'rank': rank})
           for path, shape in shapes.items() for rank in tried
           if rank in form(fitting(shape)[0], shape).ladder(shape)]
  if not pairs:
    raise UserError(f'no rank of {list(tried)} makes one of these layers '
                    f'smaller: {", ".join(shapes)}')
  return pairs


def measure(params, pairs, score, **fit):
  """Yields a Row for each of `pairs`, as soon as it is scored.

  Args:
    params: nested dict of a network's parameters.
    pairs: list of (path, options), as `trials` returns it.
    score: params -> float.
    fit: keyword arguments of compress.factorize.reconstruct.
  """
  for path, options in pairs:
    changed, (report,) = factorize.reconstruct(params, {path: options}, **fit)
    yield Row(path, report.form, report.rank, report.before,
              report.before - report.after, report.error,
              float(np.asarray(score(changed))))
