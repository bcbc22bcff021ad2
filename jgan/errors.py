"""How a run ends early: by a user's mistake, or because it had to stop."""


class Told(Exception):
  """An error whose message says all: a notebook shows one line."""

  def _render_traceback_(self):
    """What IPython shows in place of a traceback, a list of lines."""
    return [f'jgan: error: {" ".join(str(self).split())}']


class UserError(Told):
  """A mistake in what the user asked for; the message says how to mend it.

  `python -m jgan.main` prints it as one line and exits with code 2.
  """


class Stopped(Told):
  """A run that stopped before its end; the message says how to go on.

  Non-finite numbers, preemption, a full disk: exit code 3.
  """


class NonFinite(Stopped):
  """A loss or the state of a run is not finite, which ends no other run.

  Attributes:
    step: at which it was first so.
    evidence: what was not finite.
  """

  def __init__(self, text, step, evidence):
    super().__init__(text)
    self.step, self.evidence = step, evidence


class SomeStopped(Stopped):
  """Some runs of several stopped by themselves; the others are done."""
