"""Measures the probes of a run: files of jgan/probes.

They look at fixed images and fixed noise, the same at every step, in batches of
the size that a device trains on. What they see depends on the state alone, and
training does not depend on them.
"""
import copy
import functools

import jax
import jax.numpy as jnp
import numpy as np

from jgan import (
    augmenting,
    batches,
    build,
    forward,
    labelling,
    lookup,
    observers,
    steps,
)
from jgan.score import held_out
from jgan.types import NO_LABELS, Pair, Scene

_IMAGES = 256  # at least, if the data have as many, and at least one batch


class Probes:
  """Measures the probes of a config, in one function that is compiled once."""

  def __init__(self, config, source, *, labels=None, data_dir='', devices=1):
    """Reads the images, and traces the probes: mistakes are said here.

    Args:
      config: completed.
      source: the training images.
      labels: [n] of them, with classes.
      data_dir: folder of data sets, for held-out images.
      devices: of the run; each batch is one device's share.

    Raises:
      UserError: a probe needs held-out images and there are none, or is not
        for this D.
    """
    self._probes = observers.probes(config)
    sources, told = [source], [] if labels is None else [labels]
    if any('held_out' in lookup.find('probes', name).NEEDS
           for name in self._probes):
      sources.append(held_out.images(config, data_dir))
      if told:
        told.append(held_out.images(config, data_dir, labelling.of_training))
    size = max(config.batch // devices, 2)
    # No image twice, so that what differs by chance is known.
    count = max(min(-(-_IMAGES // size), *(len(x) // size for x in sources)), 1)
    self._sources, self._told = sources, told
    self._size, self._count = size, count
    scene = functools.partial(_scene, config, source.shape[1:])

    def observed(state, images, labels, rng):
      seen = scene(state, images, rng, labels)
      return {name: observe(seen)
              for name, (observe, _) in self._probes.items()}

    self.observed = jax.jit(observed)
    self._choose(config.seed)
    state = build.abstract(config, build.method(config))
    jax.eval_shape(observed, state, *self._batches[0])

  def of_seed(self, seed):
    """The Probes of a run with another seed, of the same function."""
    other = copy.copy(self)
    other._choose(seed)
    return other

  def _choose(self, seed):
    """Chooses images, their labels and a key for each batch."""
    rows = lambda k, of: np.stack([of[int(i)] for i in batches.order(
        seed, k * self._size, self._size, len(of))])
    rng = jax.random.key(seed + 3)
    self._batches = [
        ([rows(k, images) for images in self._sources],
         [rows(k, labels) for labels in self._told],
         jax.random.fold_in(rng, k)) for k in range(self._count)]

  def begin(self, state):
    """Begins to measure a GanState on one device: -> for `values`."""
    return [self.observed(state, *batch) for batch in self._batches]

  def values(self, begun):
    """{'probe/NAME/VALUE': number} of what `begin` returned."""
    seen = jax.tree.map(lambda *x: np.concatenate([*map(np.atleast_1d, x)]),
                        *jax.device_get(begun))
    return {f'probe/{name}/{value}': float(number)
            for name, (_, values) in self._probes.items()
            for value, number in values(seen[name]).items()}


def _scene(config, shape, state, images, rng, labels=()):
  """The Scene of a state.

  images: [real] or [real, held-out], each [b, h, w, c] as in the data set.
  labels: of the same, each [b]; none without classes.
  """
  models, loss = build.models(config, shape), build.loss(config)
  parts = dict(models=models, loss=loss, penalties=build.penalties(config),
               augment=build.augment(config))
  image_rng, z_rng, gen_rng, disc_rng, loss_rng, rng = jax.random.split(rng, 6)
  prepare = functools.partial(build.prepare(config), image_rng)
  seen = lambda i, x: augmenting.distort(jax.random.fold_in(rng, i), x,
                                         parts['augment'], state)
  plain, *held_out = map(prepare, images)
  z = jax.random.normal(z_rng, (len(plain), models.gen.latent))
  told = NO_LABELS
  if labels:
    told = labelling.of_updates(config)(z_rng, labels[0], len(plain))
    told = told._replace(held_out=labels[-1])
  fake, _ = forward.generate(models.gen, state.gen.params, state.gen.stats, z,
                             gen_rng, told.fake)
  # D does not change, so it is also the D that a shared fake was made for.
  before = Pair(state.gen, state.disc) if config.gen_noise == 'shared' else None
  arguments = steps.arguments(loss, state, loss_rng)
  return Scene(
      real=seen(0, plain), held_out=seen(1, held_out[0]) if held_out else None,
      fake=seen(2, fake), plain=plain, made=forward.images_of(fake),
      averaged=forward.images_of(forward.sample(models.gen, state.ema, z,
                                                told.fake)),
      judge=lambda x, labels=None: forward.judge(
          models.disc, state.disc.params, state.disc.stats, x, disc_rng, labels
          )[0].logits,
      gen_loss=lambda params: steps.gen_loss(
          params, state, plain, z, loss_rng, told, before=before, **parts)[0],
      gen_params=state.gen.params, gen_layers=layers(models.gen),
      losses=Pair(*(functools.partial(function, **arguments)
                    for function in (loss.generator, loss.discriminator))),
      labels=told)


def layers(model):
  """Paths of a generator's layers in its parameters, in the order of use."""
  order = []

  def note(rng):
    z, *labels = forward.inputs(model, jnp.zeros((1, model.latent)))
    variables = model.init(rng, z, True, *labels)
    params, path = variables['params'], ()
    while len(params) == 1:  # one module that holds all others
      path += (*params,)
      params = params[path[-1]]
    order.extend((*path, name) for name in params)
    return variables

  jax.eval_shape(note, jax.random.key(0))  # a result has sorted names
  return tuple(order)
