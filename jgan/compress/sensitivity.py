"""How much each layer's compression costs, one layer and rank at a time.

The rule of MMD-AdversarialNAS: factor a single layer, score the network
without any fine-tuning, and compress the layers that lose little.
"""
from typing import Any, NamedTuple

import numpy as np

from jgan.compress import factorize, ranks
from jgan.compress.forms import FORMS, fitting
from jgan.errors import UserError


class Row(NamedTuple):
  """One trial.

  Attributes:
    layer: its path.
    form: 'cp' or 'svd'.
    rank: tried.
    params: of the layer as it is, bias included.
    removed: of them by this rank.
    error: relative error of the kernel.
    score: of the network with this layer's kernel of this rank.
  """
  layer: str
  form: str
  rank: Any
  params: int
  removed: int
  error: float
  score: float


def trials(params, tried, match=''):
  """Lists the (path, options) to try, in the order of the network.

  Args:
    params: nested dict of a network's parameters.
    tried: ranks. A layer is tried with those that make it smaller.
    match: regular expression for the layers' paths; '' takes all.

  Returns:
    Pairs of a path and {'form': 'svd' | 'cp', 'rank'}: svd for dense layers
    and convolutions of 1 x 1, cp for larger ones.

  Raises:
    UserError: nothing is to be tried.
  """
  found = ranks.matching(params, match)
  pairs = [(path, {'form': fitting(shape)[0], 'rank': rank})
           for path, shape in found.items() for rank in tried
           if rank in FORMS[fitting(shape)[0]].ladder(shape)]
  if not pairs:
    raise UserError(f"no rank of {list(tried)} makes a layer of '{match}' "
                    f'smaller: {", ".join(found)}')
  return pairs


def measure(params, pairs, score, **fit):
  """Yields a Row for each of the `trials`, as soon as it is scored.

  Args:
    params: nested dict of a network's parameters.
    pairs: of `trials`.
    score: params -> float, lower is better.
    fit: keywords of compress.factorize.reconstruct.
  """
  for path, options in pairs:
    changed, (report,) = factorize.reconstruct(params, {path: options}, **fit)
    yield Row(path, report.form, report.rank, report.before,
              report.before - report.after, report.error,
              float(np.asarray(score(changed))))
