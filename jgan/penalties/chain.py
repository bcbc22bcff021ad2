"""What the normalisation CHAIN has beside it (Ni & Koniusz, 2024).

Means of the channels that come to its layers are drawn to 0, in the place of
centring, and its probability p follows D's overfitting:

  (p + p_0) sum over layers and channels of (E[x_c])^2,
  p <- p + speed sign(s - target), s the running mean of sign D(x),

on real and on generated images, in D's update. D must have layers of the norm
`chain` (jgan/layers/norm/chain.py), which get p from here.
"""
import jax.numpy as jnp

from jgan.errors import UserError
from jgan.ops import collectives

TRACED = ('p', 'signs')


def discriminator(play, *, p=0., signs=0., weight=20., base=.1, target=.5,
                  speed=.001, decay=.9, start=5000):
  """Play -> scalar >= 0, the mean over this shard, {'p': ..., 'signs': ...}.

  Args:
    p: probability that a layer normalises a channel of an image, in [0, 1];
      it is traced, as `signs`. The update that moves it does not have it yet.
    signs: running mean of the sign of D's outputs on real images.
    weight: lambda, of D's loss.
    base: p_0; .1 in the authors' runs on the smallest sets, else 0.
    target: tau, in (-1, 1).
    speed: by how much p moves in an update of D; 0: not at all.
    decay: of the running mean, in updates of D.
    start: generator steps before p moves.

  Raises:
    UserError: D has no layer of this norm, or a number is out of its range.
  """
  if not (weight >= 0. and base >= 0. and -1. < target < 1. and speed >= 0.
          and 0. <= decay < 1. and start >= 0):
    raise UserError(f'chain: weight={weight:g}, base={base:g}, target='
                    f'{target:g}, speed={speed:g}, decay={decay:g}, start='
                    f'{start}; -1 < target < 1, a decay in [0, 1) and others '
                    'of at least 0 would be right')
  if not play.real.means:
    raise UserError("penalty 'chain': no layer of this discriminator has the "
                    "norm 'chain'; discriminator.norm=chain would be right, "
                    'of sngan, dcgan, cnn or fastgan')
  squares = sum(jnp.sum(mean**2) for view in (play.real, play.fake)
                for mean in view.means)
  sign = collectives.mean(jnp.sign(play.real.logits).mean(), play.axis_name)
  signs = decay * signs + (1. - decay) * sign
  moved = jnp.clip(p + speed * jnp.sign(signs - target), 0., 1.)
  return weight * (p + base) * squares, {
      'p': jnp.where(play.step >= start, moved, jnp.float32(p)),
      'signs': signs}
