"""Trained networks that a penalty learns from, read from exported files.

A teacher is an exported network of any run, its config and weights in one
file. Its variables are constants of the compiled step: they are in no state, no
gradient and no checkpoint.
"""
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jgan import about, classes, forward, pins, steps, weights
from jgan.errors import UserError
from jgan.types import Pair

_EXPORTS = {'generator': '', 'discriminator': ' --discriminator'}
_SIDES = {'generator': 'gen', 'discriminator': 'disc'}


def teacher(file, sha256, role, config, models):
  """The network of a file: key -> a function as of forward.frozen.

  It is in training mode, as the network that learns from it: two that are
  equal have equal outputs. The file is read at the first call, when a step is
  traced, so that a trained run is sampled without it.

  Args:
    file: FILE.safetensors or FILE.npz of --mode=export.
    sha256: of its bytes.
    role: 'generator' or 'discriminator'.
    config: completed, of the run that learns.
    models: config -> Pair of linen modules.

  Returns:
    A function, whose calls raise a UserError: the file is another one than
    `sha256` says, is damaged or no export of this role, or its images,
    classes or latents are not those of the run.
  """
  @functools.cache
  def read():
    pins.require(file, sha256)
    net, said = weights.described(file)
    if said is None or said.network != role:
      raise UserError(
          f'{file} {f"has a {said.network}" if said else "says no network"}, '
          f'and a {role} would be right: --mode=export{_EXPORTS[role]} '
          'writes one')
    own = about.config_of(file, said)
    pair = models(own)
    _require_alike(file, role, _known(config, models(config)),
                   _known(own, pair))
    net = weights.fill(getattr(_shapes(pair), _SIDES[role]), net, file)
    return getattr(pair, _SIDES[role]), *jax.tree.map(
        np.asarray, (net.params, net.stats))

  return lambda rng: forward.frozen(*read(), rng)


def _known(config, models):
  """{what is the same in both runs: its value}."""
  gen = models.gen
  return {'image': (gen.size, gen.size, gen.colors), 'latent': gen.latent,
          'number of classes': classes.count(config),
          'mean of pipeline': tuple(config.pipeline.mean),
          'std of pipeline': tuple(config.pipeline.std)}


def _require_alike(file, role, wanted, given):
  for name, value in wanted.items():
    if given[name] != value and not (name == 'latent'
                                     and role == 'discriminator'):
      raise UserError(f'{file} has a {role} whose {name} is {given[name]}, and '
                      f'the run that learns from it {value}: the same would be '
                      'right')


def _shapes(models):
  """The GanState of a Pair of modules, as shapes."""
  none = Pair(optax.identity(), optax.identity())
  image = 1, 1, models.gen.size, models.gen.size, models.gen.colors
  return jax.eval_shape(
      functools.partial(steps.gan_init, models=models, tx=none),
      jax.random.key(0), {'image': jnp.zeros(image)})
