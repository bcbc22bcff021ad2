"""LeCam regularization (Tseng et al., 2021), against overfitting of D.

With few images D's outputs on real and on generated images drift apart. Each
is drawn to a running mean of the other kind, its anchor:

  R = E[relu(D(x) - a_F)^2] + E[relu(a_R - D(G(z)))^2]

as in the published code. As printed in the paper it has no relu.
"""
import jax
import jax.numpy as jnp

from jgan.errors import UserError
from jgan.ops import collectives

TRACED = ('real', 'fake', 'mass')


def discriminator(play, *, real=0., fake=0., mass=0., weight=.3, decay=.9,
                  start=1000, relu=True):
  """Play -> scalar >= 0, the mean over this shard, and the anchors' sums.

  The anchors are those after this batch, and have no gradient.

  Args:
    real, fake: running sums of D's mean output on real and on generated
      images; they are traced, as `mass`.
    mass: the sum of their weights, 0 before the first batch. An anchor is
      sum / mass: its first values are not drawn to 0.
    weight: lambda; of BigGAN .3, of StyleGAN2 1e-6 or less.
    decay: of the anchors, in updates of D; of StyleGAN2 .99.
    start: generator steps before the penalty, in which the anchors are the
      means of the last batch; of StyleGAN2 0.
    relu: only outputs beyond the anchor count; False: all do.

  Raises:
    UserError: a decay outside [0, 1), a weight or start below 0.
  """
  if not 0. <= decay < 1. or weight < 0. or start < 0:
    raise UserError(f'lecam: decay={decay:g}, weight={weight:g}, '
                    f'start={start}; a decay in [0, 1), a weight and a start '
                    'of at least 0 would be right')
  begun = play.step >= start
  d = jnp.where(begun, decay, 0.)
  means = collectives.mean(jnp.stack([
      play.real.logits.mean(), play.fake.logits.mean()]), play.axis_name)
  sums = d * jnp.stack([jnp.float32(real), jnp.float32(fake)]) + (
      1. - d) * jax.lax.stop_gradient(means)
  mass = d * mass + (1. - d)
  value = weight * distance(play.real.logits, play.fake.logits, *sums / mass,
                            relu=relu)
  return jnp.where(begun, value, 0.), {
      'real': sums[0], 'fake': sums[1], 'mass': mass}


def distance(real, fake, real_anchor, fake_anchor, *, relu=True):
  """R of D's outputs, [b] or [b, d] each, and of two scalars: -> scalar."""
  beyond = jax.nn.relu if relu else lambda x: x
  return (jnp.mean(beyond(real - fake_anchor)**2)
          + jnp.mean(beyond(real_anchor - fake)**2))
