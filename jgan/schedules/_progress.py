"""Progress of a run, the input of schedules."""
import jax.numpy as jnp


def progress(step, *, steps, every=0):
  """The fraction of a run that is done after this step, or after its epoch.

  It is constant within an epoch e = 0, 1, ..., E - 1: (e + 1) / E, as in the
  code of Durall et al. (2021), so it is above 0 in the first epoch and 1 in
  the last.

  Args:
    step: number of previous steps, an int or int32 scalar; may be traced.
    steps: number of steps of the run.
    every: steps of an epoch; with 0 and 1 each step is an epoch.

  Returns:
    float32 scalar in (0, 1].
  """
  every = max(every, 1)
  done = (step // every + 1) * every  # at most step + every: no overflow
  return jnp.minimum(jnp.float32(done) / steps, 1.)
