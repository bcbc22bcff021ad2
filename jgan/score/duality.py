"""The duality gap of any GAN, as a live score (Grnarova et al., 2019;
Tian et al., 2020, Eq. 5).

Both players get a copy with a fresh optimizer that trains some steps against
the other one as it stands: Dbar against G, Gbar against D. With h the
discriminator's loss,
  V = h(Gbar, D) - h(G, Dbar),
how much both could still gain. It is 0 if no step is taken, and at an
equilibrium; it may come out below 0 where a copy's steps did not help it.
"""
import functools

import jax
import jax.numpy as jnp
import numpy as np

from jgan import batches, build, forward, steps


class Gap:
  """Measures the gap of a config's game on images held out from it."""

  def __init__(self, config, real, *, updates, batches=4):
    """Binds the game.

    Args:
      config: completed.
      real: the images both copies train and are scored on; held out ones
        say more, since D may know its training images by heart.
      updates: of each copy, R in the paper.
      batches: over which both losses are averaged afterwards.
    """
    self.config, self.real = config, real
    self.updates, self.batches = updates, batches
    shape = real.shape[1:]
    models, loss = build.models(config, shape), build.loss(config)
    parts = dict(models=models, loss=loss, penalties=build.penalties(config))
    self.tx = build.optimizers(config)
    prepare = build.prepare(config)
    latent = models.gen.latent

    def play(update, state, image, rng):
      image_rng, z_rng, key = jax.random.split(rng, 3)
      z = jax.random.normal(z_rng, (image.shape[0], latent))
      return update(state, prepare(image_rng, image), z, key)[0]

    self.train_disc = jax.jit(functools.partial(play, functools.partial(
        steps.disc_update, tx=self.tx, **parts)))
    self.train_gen = jax.jit(functools.partial(play, functools.partial(
        steps.gen_update, tx=self.tx, **parts)))

    def h(state, gen, disc, image, rng):
      """D's loss without penalties, on one batch."""
      image_rng, z_rng, *keys = jax.random.split(rng, 5)
      z = jax.random.normal(z_rng, (image.shape[0], latent))
      fake, _ = forward.generate(models.gen, gen.params, gen.stats, z,
                                 keys[0])
      judged = []
      for x, key in zip((prepare(image_rng, image), fake), keys[1:]):
        view, _ = forward.judge(models.disc, disc.params, disc.stats, x, key)
        judged.append(view.logits)
      return loss.discriminator(*judged, **steps.traced(loss, state))

    self.h = jax.jit(h)

  def score(self, state, seed):
    """V and its two terms, at a GanState on one device.

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
      key, image = jax.random.fold_in(rng, i), self._images(seed, i)
      best_disc = self.train_disc(best_disc, image, key)
      best_gen = self.train_gen(best_gen, image, key)
    terms = {'minmax': (state.gen, best_disc.disc),
             'maxmin': (best_gen.gen, state.disc)}
    found = {}
    for name, (gen, disc) in terms.items():
      # The same images and noise for both terms: with no update V is 0.
      found[name] = -float(jnp.mean(jnp.stack([
          self.h(state, gen, disc, self._images(seed, self.updates + i),
                 jax.random.fold_in(rng, self.updates + i))
          for i in range(self.batches)])))
    return {'duality_gap': found['minmax'] - found['maxmin'],
            **{f'duality_gap-{k}': v for k, v in found.items()}}

  def _images(self, seed, i):
    """Batch i of the held-out images."""
    rows = batches.order(seed, i * self.config.batch, self.config.batch,
                         len(self.real))
    return np.stack([self.real[int(r)] for r in rows])
