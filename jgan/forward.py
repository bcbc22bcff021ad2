"""Forward passes of both players, as pure functions of their variables.

A training forward of a network returns its new statistics beside the output:
every collection but the parameters, batch statistics and spectral vectors
among them.
"""
import jax
import jax.numpy as jnp

from jgan.errors import UserError
from jgan.types import View


def generate(model, params, stats, z, rng):
  """Makes images in training mode: [b, latent] -> images, new stats.

  rng: for modules that draw noise of their own, as 'noise'.

  Some generators make more than [b, h, w, c] for the discriminator to see: a
  tuple, of which the first are the images.
  """
  return model.apply({'params': params, **stats}, z, True, mutable=[*stats],
                     rngs={'noise': rng})


def sample(model, net, z):
  """Images of a generator that is not trained: [b, latent] -> images."""
  return model.apply({'params': net.params, **net.stats}, z, False)


def judge(model, params, stats, image, rng, *, decode=False):
  """One training forward of D: [b, h, w, c] -> View, new stats.

  A training forward advances what its collections hold: batch statistics by
  one batch, spectral vectors by one power iteration. rng: as in `generate`.
  decode: have a self-supervised D rebuild what it sees.
  """
  sown = ('features', 'decoded') if decode else ('features',)
  logits, changed = model.apply({'params': params, **stats}, image, True,
                                mutable=[*stats, *sown], rngs={'noise': rng})
  changed = dict(changed)
  features = changed.pop('features', {}).get('blocks', ())
  decoded = changed.pop('decoded', {}).get('pairs', ())
  return View(images_of(image), logits, features, decoded), changed


def frozen(model, params, stats, rng):
  """The network as a function of its input alone; it changes no stats.

  The function's keyword `method` calls another of the module's methods.
  """
  variables = {'params': params, **stats}
  return lambda x, method=None: model.apply(
      variables, x, True, mutable=[*stats], rngs={'noise': rng},
      method=method)[0]


def require_scheduled(state, values):
  """Refuses values that no variable of either player takes.

  Raises:
    UserError: a name is not in the collection 'schedule' of any module.
  """
  known = {path[-1].key for net in (state.gen, state.disc)
           for path, _ in jax.tree_util.tree_leaves_with_path(
               net.stats.get('schedule', {}))}
  for name in values:
    if name not in known:
      raise UserError(f"config.schedules sets '{name}', and these models have "
                      f'{", ".join(sorted(known)) or "no scheduled variable"}')


def scheduled(net, values):
  """The network with scheduled scalars set.

  values: {name: scalar}. Each goes to all variables of that name in the
    collection 'schedule', wherever in the network they are; a network without
    any stays as it is.
  """
  if 'schedule' not in net.stats:
    return net
  known = lambda path, old: jnp.asarray(
      values.get(path[-1].key, old), old.dtype)
  return net.replace(stats={
      **net.stats, 'schedule': jax.tree_util.tree_map_with_path(
          known, net.stats['schedule'])})


def images_of(made):
  """[b, h, w, c] of what a generator made."""
  return made[0] if isinstance(made, tuple) else made
