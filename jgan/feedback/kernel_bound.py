"""The adaptive upper bound b_u of the repulsive MMD loss (MMD-AdversarialNAS,
2024, and its successor MMD-PMish-NAS).

A small b_u keeps the discriminator from spreading the real features too far
while training is young; once the score stalls, a larger one lets it tell more
of them apart. Pure functions on the host; what the rule remembers is a dict
of finite scalars, which goes with the run's state into its checkpoints.
"""
import numpy as np

from jgan import lookup
from jgan.errors import UserError

SETS = 'b_u'

RULES = ('doubling', 'saturating', 'linear', 'fixed')


def start(b_u, *, rule='doubling', patience=6, factor=2., increase=2.,
          cap=32.):
  """What is known before the first score: -> memory.

  Args:
    b_u: the bound to begin with, above 0.
    rule: 'doubling' multiplies the bound by `factor` at a stall, as in the
      first paper. The second paper's code has 'saturating', which adds
      `increase` at a stall, and 'linear', which takes the bound to the cap
      over the whole run by equal factors, whatever the scores. 'fixed'
      leaves it.
    patience: scores in a row without a new best that are a stall.
    factor, increase: see rule.
    cap: what the bound never exceeds.

  Raises:
    UserError: an unknown rule, or a number with which the bound would not
      grow from b_u to the cap.
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
  """Takes note of one more score: -> memory, with the new bound as 'b_u'.

  The best score stays when the bound grows: the next growth is `patience`
  scores away unless one beats it.

  Args:
    memory: of `start` or the last update.
    score: just measured; lower is better.
    progress: the share of training done, in [0, 1].
    rule, patience, factor, increase, cap: as in `start`.
  """
  score = np.float32(score)  # like the best, or it could beat its own rounding
  better = score < memory['best']
  left = patience if better else int(memory['left']) - 1
  stalled = left <= 0
  b_u, first = memory['b_u'], memory['first']
  b_u = {'doubling': b_u * factor if stalled else b_u,
         'saturating': b_u + increase if stalled else b_u,
         'linear': first * (cap / first)**progress,
         'fixed': b_u}[rule]
  return {'b_u': np.float32(min(b_u, cap)), 'first': first,
          'best': score if better else memory['best'],
          'left': np.int32(patience if stalled else left)}
