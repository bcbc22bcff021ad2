"""Random search: a baseline for differentiable search in the same space.

The super-networks train with one operation per edge, drawn anew in every step.
Then `--mode=derive` scores as many architectures as `candidates` says with the
shared weights and selects the best (Li & Talwalkar, 2019).
"""
import functools

import jax

from jgan import build, forward, steps
from jgan.errors import UserError
from jgan.methods import _search
from jgan.types import Method


def make(config, shape, *, axis_name=None, candidates=0):
  """Builds the training of super-networks on random paths.

  Args:
    config, shape, axis_name: as in every method (methods/adversarial.py).
    candidates: number of architectures that --mode=derive draws and scores,
      unless --candidates says another; 0: it must say.

  Returns:
    Method. It samples with the uniform mixture of all operations.

  Raises:
    UserError: the models are no super-networks of one space, their relaxation
      is not 'softmax', or `candidates` is negative.
  """
  if candidates < 0:
    raise UserError(f'config.method.candidates is {candidates}: how many to '
                    'draw, 0 or more, would be right')
  _search.require_softmax(config)
  models = build.models(config, shape, axis_name=axis_name)
  space = _search.Space(config, models, both=False)
  choices = {player: space.choices(player) for player in space.names}
  tx = build.optimizers(config)
  play = functools.partial(steps.gan_step, models=models, tx=tx,
                           **build.game(config, axis_name))

  def step(state, batch, rng):
    gen_rng, disc_rng, rng = jax.random.split(rng, 3)
    paths = {player: _search.uniform(key, choices[player]) for player, key in
             (('generator', gen_rng), ('discriminator', disc_rng))
             if player in choices}
    return _search.path_step(state, batch, rng, paths, play=play)

  init = functools.partial(steps.gan_init, models=models, tx=tx,
                           extra=build.extra(config))
  return Method(init, step, functools.partial(forward.sample, models.gen),
                models.gen.latent,
                space.search()._replace(derive=None, candidates=candidates))
