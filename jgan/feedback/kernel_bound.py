"""The adaptive upper bound b_u of the repulsive MMD loss (MMD-AdversarialNAS,
2024, and its successor MMD-PMish-NAS).

A small b_u keeps the discriminator from spreading the features of real images
too far early in training; when the score stalls, a larger b_u lets it
distinguish more of them. Pure functions on the host. The memory of the rule is
a dict of finite scalars, which is saved in the checkpoints of the run.
"""
import numpy as np

from jgan import lookup
from jgan.errors import UserError

SETS = 'b_u'

RULES = ('doubling', 'saturating', 'linear', 'fixed')


def start(b_u, *, rule='doubling', patience=6, factor=2., increase=2.,
          cap=32.):
  """The memory before the first score.

  Args:
    b_u: the initial bound, above 0.
    rule: 'doubling' multiplies the bound by `factor` at a stall, as in the
      first paper. The second paper's code has 'saturating', which adds
      `increase` at a stall, and 'linear', which grows the bound
      geometrically to `cap` over the run, independent of the scores. 'fixed'
      keeps it constant.
    patience: consecutive scores without a new best that count as a stall.
    factor, increase: see rule.
    cap: maximum of the bound.

  Raises:
    UserError: an unknown rule, b_u not in (0, cap], or a patience, factor or
      increase below its minimum.
  """
  if rule not in RULES:
    raise UserError(f"kernel_bound: no rule '{rule}': "
                    f'{lookup.nearest(rule, RULES)}')
  if not 0. < b_u <= cap:
    raise UserError(f'kernel_bound: the loss starts at b_u={b_u:g} and '
                    f'cap={cap:g}; 0 < b_u <= cap would be right')
  if patience < 1 or factor < 1. or increase < 0.:
    raise UserError(f'kernel_bound: patience={patience}, factor={factor:g}, '
                    f'increase={increase:g}; at least 1, 1 and 0 would be '
                    'right')
  return {'b_u': np.float32(b_u), 'first': np.float32(b_u),
          'best': np.finfo(np.float32).max, 'left': np.int32(patience)}


def update(memory, score, progress, *, rule='doubling', patience=6, factor=2.,
           increase=2., cap=32.):
  """Updates the memory by a new score; the new bound is its 'b_u'.

  The best score is kept when the bound grows: the next growth follows after
  `patience` further scores, unless one of them is a new best.

  Args:
    memory: from `start` or the previous update.
    score: the new score; lower is better.
    progress: the fraction of training done, in [0, 1].
    rule, patience, factor, increase, cap: as in `start`.
  """
  # float32 like the best score: an equal one could beat it by rounding.
  score = np.float32(score)
  better = score < memory['best']
  scores_left = patience if better else int(memory['left']) - 1
  stalled = scores_left <= 0
  b_u, first = memory['b_u'], memory['first']
  b_u = {'doubling': b_u * factor if stalled else b_u,
         'saturating': b_u + increase if stalled else b_u,
         'linear': first * (cap / first)**progress,
         'fixed': b_u}[rule]
  return {'b_u': np.float32(min(b_u, cap)), 'first': first,
          'best': score if better else memory['best'],
          'left': np.int32(patience if stalled else scores_left)}
