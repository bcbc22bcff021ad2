"""Path length regularization of StyleGAN2 (Karras et al., 2020, section 3.2).

A step in the style space should change the image by the same amount wherever
and in whichever direction it is taken. For an image g(w), J = dg/dw and noise
y of the image's shape, |J' y| is a random estimate of the size of that change.
The penalty is its squared difference from a running mean.
"""
import math

import jax
import jax.numpy as jnp

from jgan.errors import UserError
from jgan.ops import collectives

TRACED = ('mean',)
SECOND_ORDER = True


def generator(play, *, mean=0., weight=2., every=4, shrink=2, decay=.01):
  """Play -> scalar >= 0, the mean over this shard's latents, {'mean': ...}.

  Lazy regularization: computed at every `every`-th generator step, and
  multiplied by `every`; in G's update, or in one of its own (config.lazy).

  Args:
    mean: the running mean of path lengths; it is traced.
    weight: 2 in the paper.
    every: generator steps between two evaluations of the penalty.
    shrink: every `shrink`-th latent of the batch is used.
    decay: as in `path_length`.

  Raises:
    UserError: `every` is below 1, or the batch is not divisible by `shrink`.
  """
  if every < 1:
    raise UserError(f'path_length: every={every} is below 1; 1 acts at every '
                    'step, 4 at one step in four')
  if shrink < 1 or len(play.z) % shrink:
    raise UserError(f'path_length: a batch of {len(play.z)} per device is not '
                    f'divisible by shrink={shrink}')

  def penalty():
    # A strided subset does not depend on the number of devices.
    told = (() if play.fake.labels is None else
            (play.fake.labels[::shrink],))
    styles = play.gen(play.z[::shrink], *told, method='styles')
    value, new_mean = path_length(
        lambda w: play.gen(w, method='synthesise'), styles, play.rng, mean,
        decay=decay, axis_name=play.axis_name)
    return weight * every * value, jnp.float32(new_mean)

  if every == 1:
    value, mean = penalty()
  else:
    value, mean = jax.lax.cond(play.step % every == 0, penalty,
                               lambda: (jnp.float32(0.), jnp.float32(mean)))
  return value, {'mean': mean}


def path_length(synthesise, styles, rng, mean, *, decay=.01, eps=1e-12,
                axis_name=None):
  """E[(|J' y| - mean)^2] with the updated running mean, and that mean.

  Args:
    synthesise: styles -> images [b, h, w, c].
    styles: [b, layers, d]; squares are summed over d and averaged over layers.
    rng: random key, for y ~ N(0, 1 / (h w)).
    mean: the previous running mean, a scalar; 0 at the start.
    decay: weight of this batch's mean in the running mean.
    eps: added under the root, whose derivative at 0 is infinite.
    axis_name: the device axis, None for the whole batch.

  Returns:
    The mean over this shard, and the running mean, without a gradient.
  """
  lengths = path_lengths(synthesise, styles, rng, eps=eps, axis_name=axis_name)
  batch_mean = collectives.mean(lengths.mean(), axis_name)
  # As in the reference, the penalty's gradient includes that of the new mean.
  mean += decay * (batch_mean - mean)
  return jnp.mean((lengths - mean)**2), jax.lax.stop_gradient(mean)


def path_lengths(synthesise, styles, rng, *, eps=1e-12, axis_name=None):
  """|J' y| of each sample, [b]; arguments as in `path_length`."""
  images, vjp = jax.vjp(synthesise, styles)
  y = collectives.draw(jax.random.normal, rng, images.shape, axis_name)
  gradient, = vjp(y / math.sqrt(images.shape[1] * images.shape[2]))
  return jnp.sqrt(jnp.mean(jnp.sum(gradient**2, 2), 1) + eps)
