"""How far a run is, as schedules of steps see it."""
import jax.numpy as jnp


def progress(step, *, steps, every=0):
  """The share of a run that is done when this step, or its epoch, is.

  Constant within an epoch e = 0, 1, ...: (e + 1) / E, as in the code of Durall
  et al. (2021); so the first epoch is not 0 and the last one is 1.

  Args:
    step: steps taken before this one, an int or int32 scalar, maybe traced.
    steps: of the run.
    every: steps of an epoch; 0 and 1: each step is one.

  Returns:
    float32 scalar in (0, 1].
  """
  every = max(every, 1)
  done = (step // every + 1) * every  # at most step + every: no overflow
  return jnp.minimum(jnp.float32(done) / steps, 1.)
