"""Lets the feedback rules of a run set traced scalars of its loss."""
import logging

import jax
import numpy as np

from jgan.run import parallel
from jgan.score import labels

log = logging.getLogger(__name__)


def steered(rules, state, values, better, where, step, steps):
  """The state after a score.

  Args:
    rules: {name: Feedback}.
    state: GanState.
    values: {label: score} of the state.
    better: {label: 'lower' or 'higher'} of those that rules follow.
    where: parallel.Layout.
    step, steps: of the state, and of the whole run.
  """
  if not rules:
    return state
  extra = jax.tree.map(np.asarray, parallel.local(state.extra))
  for name, rule in rules.items():
    score = labels.cost(values[rule.metric], better[rule.metric])
    memory = rule.update(extra['feedback'][name], score, step / steps)
    old, new = extra['loss'][rule.sets], memory[rule.sets]
    if old != new:
      log.info('step %s  %s: %g -> %g', f'{step:,}', rule.sets, old, new)
    extra['feedback'][name] = memory
    extra['loss'][rule.sets] = np.float32(new)
  return state.replace(extra=parallel.place(extra, where))
