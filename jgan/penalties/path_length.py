"""Path length (Karras et al., 2020, sec. 3.2): how far an image moves with its
style should not depend on where, nor which way.

For an image g(w) and noise y of the image's shape, |J' y| with J = dg/dw is a
random estimate of the length that a step of w has in the image. The penalty is
its squared distance from its own running mean.
"""
import math

import jax
import jax.numpy as jnp

from jgan.errors import UserError
from jgan.ops import collectives

TRACED = ('mean',)


def generator(play, *, mean=0., weight=2., every=4, shrink=2, decay=.01):
  """Play -> scalar >= 0, the mean over this shard's latents, {'mean': ...}.

  Lazy: at the generator steps that `every` divides, `every` times as strong.

  Args:
    mean: the running mean of lengths; it is traced.
    weight: 2 in the paper.
    every: steps from one to the next.
    shrink: every how many of the batch's latents is looked at.
    decay: as of `path_length`.

  Raises:
    UserError: `every` is below 1, or the batch is not divisible by `shrink`.
  """
  if every < 1:
    raise UserError(f'path_length: every={every} is below 1; 1 acts at every '
                    'step, 4 at one step in four')
  if len(play.z) % shrink:
    raise UserError(f'path_length: a batch of {len(play.z)} per device is not '
                    f'divisible by shrink={shrink}')

  def penalty():
    # Every second latent is the same choice however the batch is spread.
    styles = play.gen(play.z[::shrink], method='styles')
    value, moved = path_length(
        lambda w: play.gen(w, method='synthesise'), styles, play.rng, mean,
        decay=decay, axis_name=play.axis_name)
    return weight * every * value, jnp.float32(moved)

  if every == 1:
    value, mean = penalty()
  else:
    value, mean = jax.lax.cond(play.step % every == 0, penalty,
                               lambda: (jnp.float32(0.), jnp.float32(mean)))
  return value, {'mean': mean}


def path_length(synthesise, styles, rng, mean, *, decay=.01, eps=1e-12,
                axis_name=None):
  """E[(|J' y| - mean)^2] and the running mean, which is moved first.

  Args:
    synthesise: styles -> images [b, h, w, c].
    styles: [b, layers, d]; squares are summed over d and averaged over layers.
    rng: a key, for y ~ N(0, 1 / (h w)).
    mean: the running mean before, a scalar; 0 at the start.
    decay: which part of the way to this batch's mean it goes.
    eps: added below the root, whose slope at 0 is infinite.
    axis_name: the device axis, None for the whole batch.

  Returns:
    The mean over this shard, and the running mean, without a gradient.
  """
  lengths = path_lengths(synthesise, styles, rng, eps=eps, axis_name=axis_name)
  now = collectives.mean(lengths.mean(), axis_name)
  # As in the reference, the penalty sees the gradient of the new mean.
  mean += decay * (now - mean)
  return jnp.mean((lengths - mean)**2), jax.lax.stop_gradient(mean)


def path_lengths(synthesise, styles, rng, *, eps=1e-12, axis_name=None):
  """|J' y| of each sample, [b]; arguments as of `path_length`."""
  images, pull = jax.vjp(synthesise, styles)
  y = collectives.draw(jax.random.normal, rng, images.shape, axis_name)
  slope, = pull(y / math.sqrt(images.shape[1] * images.shape[2]))
  return jnp.sqrt(jnp.mean(jnp.sum(slope**2, 2), 1) + eps)
