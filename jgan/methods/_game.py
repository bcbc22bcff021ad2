"""What the turns of alphaGAN's search play with (alpha_search.py)."""
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jgan.ops import collectives
from jgan.types import NO_LABELS, Pair


class Game(NamedTuple):
  """Static parts of all turns.

  Attributes:
    models: Pair of modules.
    stars: Pair of modules of the best responses.
    loss, penalties, augment, tx, prepare, ema, axis_name: as in
      steps.gan_step.
    arch_tx: optax transformation of the architecture parameters (logits).
    names: {player: {part of its logits: operations}} of the searched players.
    batch, gen_batch: over all devices.
    moves_weights, moves_arch: what updates of Gbar change.
    shares: Gbar uses G's architecture parameters.
    halving: the step after which the learning rates of best responses are
      halved; 0: never.
    labels_of: as in steps.gan_step.
  """
  models: Pair
  stars: Pair
  loss: Any
  penalties: dict
  augment: dict
  tx: Pair
  arch_tx: Any
  prepare: Any
  ema: Any
  names: dict
  batch: int
  gen_batch: int
  moves_weights: bool
  moves_arch: bool
  shares: bool
  halving: int
  axis_name: str | None
  labels_of: Any = None

  def noise(self, rng, count):
    """Latent vectors of this shard: [count / devices, latent]."""
    local = count // collectives.size(self.axis_name)
    return collectives.draw(jax.random.normal, rng,
                            (local, self.models.gen.latent), self.axis_name)

  def real(self, batch, rng):
    """The preprocessed real images of a turn; None if it has none."""
    images = batch['image']
    return self.prepare(rng, images[0]) if len(images) else None

  def labels(self, batch, rng, count):
    """Labels of a turn, of `count` fakes over all devices.

    A turn without real images draws them.
    """
    if not self.labels_of:
      return NO_LABELS
    label = batch['label']
    return self.labels_of(rng, label[0] if len(label) else None,
                          count // collectives.size(self.axis_name))

  def update(self, models, tx=None):
    """Keyword arguments of steps.disc_update and steps.gen_update."""
    return dict(models=models, loss=self.loss, penalties=self.penalties,
                augment=self.augment, tx=tx or self.tx,
                axis_name=self.axis_name)

  def star_tx(self, step):
    """Optimizers of best responses; learning rates halve at `halving`."""
    if not self.halving:
      return self.tx
    share = jnp.where(step < self.halving, 1., .5)
    return Pair(*(_scaled(tx, share) for tx in self.tx))


def _scaled(tx, share):
  """The optimizer with its updates multiplied by `share`."""
  tx = optax.with_extra_args_support(tx)
  def update(grads, state, params=None, **kind):
    updates, state = tx.update(grads, state, params, **kind)
    return jax.tree.map(lambda u: u * share, updates), state
  return optax.GradientTransformationExtraArgs(tx.init, update)
