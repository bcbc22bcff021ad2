"""The gradient of G's loss vanishes: G stands still, wherever it is."""
import numpy as np

from jgan.doctor._history import Finding


def examine(history, *, fall=1e-3, records=10):
  """History -> Finding or None.

  Args:
    fall: a norm below this part of an earlier one. The gradient of healthy runs
      varies by one or two orders of magnitude; Adam rescales what is left, by
      then mostly rounding and the epsilon of its denominator.
    records: whose median is a norm. The first ones are left out: they are of
      untrained players.
  """
  steps, values = history.series('gen/grad_norm')
  blocks = len(values) // records
  if blocks < 3:
    return None
  tail = values[-blocks * records:].reshape(blocks, records)
  medians = np.median(tail, axis=1)
  best = 1 + np.argmax(medians[1:-1])
  if not medians[-1] < fall * medians[best]:
    return None
  first = steps[-blocks * records:][best * records]
  return Finding(
      f"the norm of G's gradient is {medians[-1]:.3g}, and was "
      f'{medians[best]:.3g} at step {first:,}',
      _by_loss(history) + f'lower {history.of("optimizer.disc.lr")} or '
      f'{history.of("critics")}; go on from a checkpoint before')


def _by_loss(history):
  if history.settings.get('loss.name') != 'minimax':
    return ''
  return ('--config.loss.name=nonsaturating has a gradient where D rejects '
          'fakes, and minimax has none; ')
