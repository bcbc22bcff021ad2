"""The duality gap of any GAN, as a score during training (Grnarova et al.,
2019; Tian et al., 2020, Eq. 5).

A copy of each player, with a fresh optimizer, trains some steps against the
other player, whose weights are fixed: Dbar against G, Gbar against D. The game
is that of the run, with its penalties and augmentations. With h the
discriminator's loss, the gap is
  V = h(Gbar, D) - h(G, Dbar),
which measures how much both players could still improve. It is 0 at an
equilibrium, and without updates of the copies. It may be negative if the
updates of a copy made it worse.
"""
import functools

import jax
import jax.numpy as jnp
import numpy as np

from jgan import augmenting, batches, build, forward, labelling, steps
from jgan.types import NO_LABELS, Pair

BETTER = {'duality_gap': 'lower', 'duality_gap-minmax': 'lower',
          'duality_gap-maxmin': 'higher'}
"""Which values of each label are better, as in the files of jgan/metrics: V(G,
Dbar) is what D can still gain at most, V(Gbar, D) what G leaves at least."""


class Gap:
  """Measures the duality gap of a config's game."""

  def __init__(self, config, real, *, updates, batches=4, labels=None):
    """Compiles the updates and the loss.

    Args:
      config: completed.
      real: the images on which both copies are trained and scored; held-out
        images are better, since D may have memorised its training images.
      updates: number of updates of each copy, R in the paper.
      batches: number of batches over which both losses are averaged.
      labels: [n] of `real`, with classes.
    """
    self.config, self.real, self.labels = config, real, labels
    self.updates, self.batches = updates, batches
    shape = real.shape[1:]
    models, loss = build.models(config, shape), build.loss(config)
    augment = build.augment(config)
    parts = dict(models=models, loss=loss, penalties=build.penalties(config),
                 augment=augment)
    self.tx = build.optimizers(config)
    prepare = build.prepare(config)
    latent = models.gen.latent

    labels_of = labelling.of_updates(config)
    told = lambda rng, batch: labels_of(
        rng, batch['label'], len(batch['label'])) if labels_of else NO_LABELS

    def play(update, state, batch, rng):
      image_rng, z_rng, key = jax.random.split(rng, 3)
      z = jax.random.normal(z_rng, (batch['image'].shape[0], latent))
      state, _ = update(state, prepare(image_rng, batch['image']), z, key,
                        told(z_rng, batch))
      return state.replace(step=state.step + 1)  # for lazy penalties

    def gen_update(state, *inputs):
      # D does not change, so it is also the D that a shared fake was made for.
      before = Pair(state.gen, state.disc) if (
          config.gen_noise == 'shared') else None
      return steps.gen_update(state, *inputs, tx=self.tx, before=before,
                              **parts)

    self.train_disc = jax.jit(functools.partial(play, functools.partial(
        steps.disc_update, tx=self.tx, **parts)))
    self.train_gen = jax.jit(functools.partial(play, gen_update))

    def h(state, gen, disc, batch, rng):
      """D's loss without penalties, on one batch, distorted as in the run."""
      image_rng, z_rng, *keys = jax.random.split(rng, 5)
      distort_keys = jax.random.split(jax.random.fold_in(rng, 1), 3)
      image, labels = batch['image'], told(z_rng, batch)
      z = jax.random.normal(z_rng, (image.shape[0], latent))
      fake, _ = forward.generate(models.gen, gen.params, gen.stats, z,
                                 keys[0], labels.fake)
      logits = []
      for x, key, distort_key, label in zip(
          (prepare(image_rng, image), fake), keys[1:], distort_keys, labels):
        x = augmenting.distort(distort_key, x, augment, state)
        view, _ = forward.judge(models.disc, disc.params, disc.stats, x, key,
                                label)
        logits.append(view.logits)
      return loss.discriminator(
          *logits, **steps.arguments(loss, state, distort_keys[2]))

    self.h = jax.jit(h)

  def score(self, state, seed):
    """V and its two terms for a GanState on one device.

    Returns:
      {'duality_gap': V, 'duality_gap-minmax': -h(G, Dbar),
      'duality_gap-maxmin': -h(Gbar, D)}; V is their difference.
    """
    rng = jax.random.key(seed)
    fresh = state.replace(
        gen=state.gen.replace(opt=self.tx.gen.init(state.gen.params)),
        disc=state.disc.replace(opt=self.tx.disc.init(state.disc.params)))
    best_disc = best_gen = fresh
    for i in range(self.updates):
      key, batch = jax.random.fold_in(rng, i), self._batch(seed, i)
      best_disc = self.train_disc(best_disc, batch, key)
      best_gen = self.train_gen(best_gen, batch, key)
    terms = {'minmax': (state.gen, best_disc.disc),
             'maxmin': (best_gen.gen, state.disc)}
    values = {}
    for name, (gen, disc) in terms.items():
      # Both terms use the same images and noise, so V is 0 without updates.
      values[name] = -float(jnp.mean(jnp.stack([
          self.h(state, gen, disc, self._batch(seed, self.updates + i),
                 jax.random.fold_in(rng, self.updates + i))
          for i in range(self.batches)])))
    return {'duality_gap': values['minmax'] - values['maxmin'],
            **{f'duality_gap-{k}': v for k, v in values.items()}}

  def _batch(self, seed, i):
    """Batch i of the held-out images, a Batch of one update."""
    rows = batches.order(seed, i * self.config.batch, self.config.batch,
                         len(self.real))
    batch = {'image': np.stack([self.real[int(r)] for r in rows])}
    return batch if self.labels is None else {
        **batch, 'label': self.labels[rows]}
