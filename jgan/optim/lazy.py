"""Optimizers under lazy regularization (Karras et al., 2020, app. B)."""
import jax
import optax


def lazy(every, *, lr, b1, b2):
  """Rescales Adam for a penalty that has an optimizer step of its own.

  Code that takes a separate optimizer step for the penalty at every c-th
  iteration takes (c + 1) / c steps per iteration. With lr c / (c + 1) and
  betas to the power c / (c + 1) the parameters move as far per iteration.

  Args:
    every: c, iterations per penalty step.
    lr, b1, b2: Adam's arguments without the penalty.

  Returns:
    {'lr', 'b1', 'b2'}
  """
  ratio = every / (every + 1)
  return {'lr': lr * ratio, 'b1': b1**ratio, 'b2': b2**ratio}


def update(tx, grads, opt, params):
  """The optimizer step of a penalty, after the one of the loss.

  It is a further one in the same training step: it has the learning rate, the
  masks and the phase of the one before, and neither schedules nor pruning
  count it. Adam does.

  Args:
    tx: optax transformation. Pruning (optim/pruning.py) learns by the keyword
      `lazy` that this is such a step.
    grads: of the penalty, a tree like params.
    opt: state of tx after the step of the loss.
    params: after the step of the loss.

  Returns:
    updates and the new state.
  """
  scheduled = lambda x: isinstance(x, optax.ScaleByScheduleState)
  opt = jax.tree.map(
      lambda x: x._replace(count=x.count - 1) if scheduled(x) else x, opt,
      is_leaf=scheduled)
  return optax.with_extra_args_support(tx).update(grads, opt, params, lazy=True)
