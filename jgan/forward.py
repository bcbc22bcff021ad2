"""Forward passes of both players, as pure functions of their variables.

A forward pass in training mode also returns the new statistics of the network.
These are all variable collections except the parameters, such as batch
statistics and the vectors of spectral normalization.
"""
import flax
import jax
import jax.numpy as jnp
import numpy as np

from jgan.errors import UserError
from jgan.types import View


def generate(model, params, stats, z, rng, labels=None):
  """Generates images in training mode: [b, latent] -> images, new stats.

  rng: the key 'noise' of modules that draw noise.
  labels: [b] int32, for a model with classes.

  The output of some generators is a tuple for the discriminator, whose first
  entry is the images [b, h, w, c].
  """
  return model.apply({'params': params, **stats}, z, True, *_given(labels),
                     mutable=[*stats], rngs={'noise': rng})


def sample(model, net, z, labels=None):
  """Generates images in evaluation mode: [b, latent] -> images."""
  return model.apply({'params': net.params, **net.stats}, z, False,
                     *_given(labels))


def judge(model, params, stats, image, rng, labels=None, *, decode=False):
  """Applies D in training mode: [b, h, w, c] -> View, new stats.

  The new statistics include one more batch (batch statistics) and one more
  power iteration (spectral normalization).

  rng, labels: as in `generate`.
  decode: let a self-supervised D also reconstruct its inputs.
  """
  sown = ('features', 'decoded') if decode else ('features',)
  logits, new_stats = model.apply(
      {'params': params, **stats}, image, True, *_given(labels),
      mutable=[*stats, *sown], rngs={'noise': rng})
  new_stats = dict(new_stats)
  features = new_stats.pop('features', {})
  decoded = new_stats.pop('decoded', {}).get('pairs', ())
  means = tuple(
      x for path, seen in flax.traverse_util.flatten_dict(features).items()
      if path[-1] == 'means' for x in seen)
  return View(images_of(image), logits, features.get('blocks', ()), decoded,
              labels, means), new_stats


def frozen(model, params, stats, rng):
  """The network as a function of input and labels, with fixed variables.

  Its keyword `method` calls another method of the module.

  Raises:
    UserError: when it is called, if the module has no such method.
  """
  def apply(x, labels=None, method=None):
    if method and not hasattr(model, method):
      file = type(model).__module__.split('.')[-1]
      raise UserError(f"the model '{file}' has no method '{method}', which a "
                      'penalty of config.penalties calls: leave it out, or '
                      'choose a model that has it, as stylegan2')
    return model.apply({'params': params, **stats}, x, True, *_given(labels),
                       mutable=[*stats], rngs={'noise': rng},
                       method=method)[0]

  return apply


def inputs(player, x):
  """A batch as a network takes it: (x,), or with some labels (x, labels).

  Args:
    player: a linen module, or a Method.
    x: [b, ...], or its shape.
  """
  classes = getattr(player, 'classes', 0)
  return (x, np.arange(x.shape[0], dtype=np.int32) % classes) if classes else (
      x,)


def _given(labels):
  """The labels as the last argument of a module, if there are any."""
  return () if labels is None else (labels,)


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


def labelled(images, labels):
  """Images with their labels, for an augmentation that keeps or replaces both.

  labels: [b]; None, if the images have none, gives the images alone.
  """
  return images if labels is None else (images, labels)


def unlabelled(images):
  """The inverse of `labelled`: -> images, labels or None."""
  return images if isinstance(images, tuple) else (images, None)
