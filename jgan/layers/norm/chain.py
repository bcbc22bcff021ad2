"""CHAIN: a normalisation of the discriminator for few images."""
import jax
import jax.numpy as jnp

from jgan.errors import UserError
from jgan.layers.norm._norm import Norm
from jgan.ops import collectives


class ChainNorm(Norm):
  """CHAIN (Ni & Koniusz, 2024), the form of one batch: no mean, no affine map.

  With the root mean square psi_c = sqrt(E[x_c^2] + eps) of a channel over the
  whole batch, and psi_min the least of them, without a gradient,

    y = x psi_min / psi_c,   out = (1 - M) x + M y,

  where M is 1 with probability p, for each image and channel: the slope of a
  layer is never raised. Outside training M is p.

  The means of its channels are sown as 'means' in 'features', for the penalty
  that keeps them at 0 (jgan/penalties/chain.py). That moves p too: it is the
  variable 'chain_p' in 'schedule', which is `p` until then.

  Attributes:
    p: the probability where no penalty `chain` moves it, in [0, 1].

  Raises:
    UserError: p is outside [0, 1], or affine is True.
  """
  shifts = False
  affine: bool = False
  p: float = 1.

  def normalise(self, x, train):
    if self.affine or not 0. <= self.p <= 1.:
      raise UserError(f'chain: p={self.p:g}, affine={self.affine}; a '
                      'probability in [0, 1] and False would be right: it has '
                      'no scale and no bias')
    p = self.variable('schedule', 'chain_p', jnp.full, (), self.p,
                      jnp.float32).value
    # Elsewhere no axis is bound.
    axis_name = (self.axis_name if train and not self.is_initializing()
                 else None)
    wide, axes = x.astype(jnp.float32), tuple(range(x.ndim - 1))
    mean, square = collectives.mean(jnp.stack([
        wide.mean(axes), jnp.square(wide).mean(axes)]), axis_name)
    self.sow('features', 'means', mean)
    psi = jnp.sqrt(square + self.eps)
    y = wide * (jax.lax.stop_gradient(psi.min()) / psi)
    if not (train and self.has_rng('noise')):
      return (wide + p * (y - wide)).astype(self.dtype)
    coin = collectives.draw(jax.random.uniform, self.make_rng('noise'),
                            (x.shape[0], x.shape[-1]), axis_name)
    coin = jnp.expand_dims(coin, tuple(range(1, x.ndim - 1)))
    return jnp.where(coin < p, y, wide).astype(self.dtype)


chain = ChainNorm
