"""Forward passes of both players, as pure functions of their variables.

A forward pass in training mode also returns the new statistics of the network.
These are all variable collections except the parameters, such as batch
statistics and the vectors of spectral normalization.
"""
import flax
import jax
import jax.numpy as jnp

from jgan.errors import UserError
from jgan.types import View


def generate(model, params, stats, z, rng):
  """Generates images in training mode: [b, latent] -> images, new stats.

  rng: the key 'noise' of modules that draw noise.

  The output of some generators is a tuple for the discriminator, whose first
  entry is the images [b, h, w, c].
  """
  return model.apply({'params': params, **stats}, z, True, mutable=[*stats],
                     rngs={'noise': rng})


def sample(model, net, z):
  """Generates images in evaluation mode: [b, latent] -> images."""
  return model.apply({'params': net.params, **net.stats}, z, False)


def judge(model, params, stats, image, rng, *, decode=False):
  """Applies D in training mode: [b, h, w, c] -> View, new stats.

  The new statistics include one more batch (batch statistics) and one more
  power iteration (spectral normalization).

  rng: as in `generate`.
  decode: let a self-supervised D also reconstruct its inputs.
  """
  sown = ('features', 'decoded') if decode else ('features',)
  logits, new_stats = model.apply({'params': params, **stats}, image, True,
                                  mutable=[*stats, *sown], rngs={'noise': rng})
  new_stats = dict(new_stats)
  features = new_stats.pop('features', {})
  decoded = new_stats.pop('decoded', {}).get('pairs', ())
  means = tuple(
      x for path, seen in flax.traverse_util.flatten_dict(features).items()
      if path[-1] == 'means' for x in seen)
  return View(images_of(image), logits, features.get('blocks', ()), decoded,
              means=means), new_stats


def frozen(model, params, stats, rng):
  """The network as a function of its input, with fixed variables.

  Its keyword `method` calls another method of the module.

  Raises:
    UserError: when it is called, if the module has no such method.
  """
  def apply(x, method=None):
    if method and not hasattr(model, method):
      file = type(model).__module__.split('.')[-1]
      raise UserError(f"the model '{file}' has no method '{method}', which a "
                      'penalty of config.penalties calls: leave it out, or '
                      'choose a model that has it, as stylegan2')
    return model.apply({'params': params, **stats}, x, True, mutable=[*stats],
                       rngs={'noise': rng}, method=method)[0]

  return apply


def require_scheduled(state, values):
  """Refuses values for variables that neither player has.

  values: {name: scalar}.

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
  """The network with new values of scheduled scalars.

  values: {name: scalar}; each sets all variables of that name in the
    collection 'schedule'. A network without this collection is not changed.
  """
  if 'schedule' not in net.stats:
    return net
  update = lambda path, old: jnp.asarray(
      values.get(path[-1].key, old), old.dtype)
  return net.replace(stats={
      **net.stats, 'schedule': jax.tree_util.tree_map_with_path(
          update, net.stats['schedule'])})


def images_of(made):
  """The images [b, h, w, c] in the output of a generator."""
  return made[0] if isinstance(made, tuple) else made
