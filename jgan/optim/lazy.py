"""Adam's arguments under lazy regularization (Karras et al., 2020, app. B)."""


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
