"""The plain game: n_critic discriminator steps, then one generator step
(Goodfellow et al., 2014), with any models, loss, penalties and optimizers.
"""
import functools

from jgan import build, forward, steps
from jgan.types import Method


def make(config, shape, *, axis_name=None):
  """Binds what the config names into pure functions.

  Args:
    config: a whole config (jgan/config.py).
    shape: (h, w, c) of the images.
    axis_name: the device axis the step will run under, None for none.

  Returns:
    Method.
  """
  models = build.models(config, shape, axis_name=axis_name)
  tx = build.optimizers(config)
  step = functools.partial(steps.gan_step, models=models, tx=tx,
                           **build.game(config, axis_name))
  init = functools.partial(steps.gan_init, models=models, tx=tx,
                           extra=build.extra(config))
  return Method(init, step, functools.partial(forward.sample, models.gen),
                models.gen.latent)
