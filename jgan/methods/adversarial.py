"""Plain GAN training (Goodfellow et al., 2014): n_critic discriminator steps,
then one generator step, with any models, loss, penalties and optimizers.
"""
import functools

from jgan import build, forward, steps
from jgan.types import Method


def make(config, shape, *, axis_name=None):
  """Builds the method that a config names.

  Args:
    config: a completed config (jgan/config.py).
    shape: (h, w, c) of the images.
    axis_name: name of the device axis inside the step; None without one.

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
