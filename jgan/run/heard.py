"""A session that tells a program, as a notebook, of its images and scores.

The program's functions are called in the thread that trains, in the order of
the steps, when what they tell of is in the run's folder.
"""
from jgan.report import grid
from jgan.run.session import Session


class Heard(Session):
  """A Session that calls functions of a program."""

  def __init__(self, *arguments, on_samples=None, on_scores=None,
               on_checkpoint=None):
    """Takes what Session takes, and functions, None for those not wanted.

    A KeyboardInterrupt of one of them stops the run as Ctrl-C does: saved.

    Args:
      on_samples: (step, grid), uint8 [h, w, c], at samples.every, and at step
        0 if config.samples.initial.
      on_scores: (step, {'eval/LABEL': value}), at eval.every.
      on_checkpoint: (step,), when its checkpoint is complete.
    """
    self.on_samples, self.on_scores = on_samples, on_scores
    self.on_checkpoint = on_checkpoint
    super().__init__(*arguments)

  def draw(self, step, state):
    """As Session.draw, and waits for the file."""
    super().draw(step, state)
    if self.writer and self.on_samples:
      self.settle()
      self.tell(self.on_samples, step, grid.read_png(
          self.folder / 'samples' / f'{step:08d}.png'))

  def log_scores(self, step, values, seconds):
    """As Session.log_scores."""
    super().log_scores(step, values, seconds)
    if self.writer and self.on_scores:
      self.tell(self.on_scores, step, dict(values))

  def save(self, step, state, *, due=False):
    """As Session.save, and waits for the file."""
    super().save(step, state, due=due)
    if self.writer and self.on_checkpoint:
      self.saved.wait()
      self.tell(self.on_checkpoint, step)
      self.begin(step)

  def tell(self, function, *news):
    """Calls a function of the program."""
    try:
      function(*news)
    except KeyboardInterrupt:
      self.stop.ask()
