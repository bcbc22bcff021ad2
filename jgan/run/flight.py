"""A score that is computed while training goes on.

The generator is copied, since a training step overwrites its state. After each
dispatch of training, the devices get the batches of the score that are due by
then, so that all processes give them the same programs in one order; what
follows on the host is done by a thread. The score is written at a step that
the config determines, so that a resumed run writes the same files.
"""
import math

import jax


class Flight:
  """One score, from its step until it has to be there.

  Attributes:
    step: the training step that is scored.
    landing: from this step on the score may be waited for.
    state: a copy of the state, to be saved if the score is the best; None if
      there is a checkpoint of `step`.
  """

  def __init__(self, step, until, looking, batches, values, told, thread,
               state):
    """Starts nothing.

    Args:
      step, state: as above.
      until: step at which the score has to be there.
      looking: generator of Scorer.look.
      batches: how often it yields, for generated images.
      values: seen -> JSON types, on the host of process 0.
      told: function of process 0 -> its value in all processes.
      thread: Executor for `values`.
    """
    self.step, self.state = step, state
    self.landing = step + math.ceil(.75 * (until - step))
    self._half = max(.5 * (until - step), 1.)
    self._looking, self._batches, self._given = looking, batches, 0
    self._values, self._told = values, told
    self._thread, self._job = thread, None

  def advance(self, step):
    """Gives the devices what is due after `step`: all of it half-way."""
    share = min((step - self.step) / self._half, 1.)
    while self._job is None and (share == 1.
                                 or self._given < share * self._batches):
      self._next()

  def result(self):
    """The values; waits for them."""
    while self._job is None:
      self._next()
    return self._told(self._job.result)

  def _next(self):
    try:
      next(self._looking)
      self._given += 1
    except StopIteration as end:
      seen = end.value
      self._job = self._thread.submit(
          lambda: self._values(seen) if jax.process_index() == 0 else None)
