"""What a lazy penalty asks of Adam (Karras et al., 2020, appendix B)."""


def lazy(every, *, lr, b1, b2):
  """Adam's arguments for a penalty that is a step of its own.

  Codes that give the penalty an optimizer step of its own at every c-th
  iteration make (c + 1) / c steps per iteration. With lr c / (c + 1) and
  betas to the power c / (c + 1) they move as far in an iteration.

  Args:
    every: c.
    lr, b1, b2: without the penalty.

  Returns:
    {'lr', 'b1', 'b2'}
  """
  ratio = every / (every + 1)
  return {'lr': lr * ratio, 'b1': b1**ratio, 'b2': b2**ratio}
