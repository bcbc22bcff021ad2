"""MMD GAN (Li et al., 2017) and its repulsive loss (Wang et al., 2019).

D maps images to features: x of real, y of fake ones. With the means k_xx,
k_yy and k_xy of a kernel over pairs of different samples, G minimises the
squared maximum mean discrepancy, k_xx + k_yy - 2 k_xy, and D minimises

  (1 - cross) k_xx - k_yy + cross k_xy.

cross=0 is the repulsive loss: D pushes the features of real images apart, so
it learns to distinguish them, and pulls those of fake images together. cross=2
is attractive; without the bounds it is the loss of MMD GAN, -MMD^2. Values
between them interpolate (1 - cross and cross are Wang et al.'s -w1 and w0).

D's kernels are bounded: the gradient of a pair that D pushes apart is zero
beyond the squared distance b_u, and that of a pair that it pulls together is
zero within b_l. G's kernels are not bounded. In MMD-AdversarialNAS (2024) b_u
grows during training: see feedback.kernel_bound.
"""
import jax.numpy as jnp

from jgan import lookup
from jgan.errors import UserError
from jgan.ops import kernels

PAIRED = True
TRACED = ('b_u',)


def discriminator(real, fake, *, kernel='gaussian', scales=(1.,), cross=0.,
                  b_l=.25, b_u=4., xy_diagonal=True):
  """real, fake: [b] or [b, d] features of the whole batch -> scalar.

  The loss is in [-1, 1] for cross in [0, 1], and in [-2, 2] for cross in [1,
  2].

  Args:
    kernel: a name in ops/kernels.py.
    scales: scales of the kernel, which is averaged over them.
    cross: the weight of k_xy.
    b_l: the lower bound of squared distances; 0: none.
    b_u: the upper bound of squared distances; 0: none. May be traced.
    xy_diagonal: whether k_xy includes the pairs of the i-th real and the i-th
      fake image, which are independent; Wang et al. leave them out.

  Raises:
    UserError: an unknown kernel, scales that are not positive, a batch of
      one, or, without xy_diagonal, batches of different sizes.
  """
  weights = {'k_xx': 1. - cross, 'k_yy': -1., 'k_xy': cross}
  bound_above = lambda d2: jnp.where(b_u > 0., jnp.minimum(d2, b_u), d2)
  bound_below = lambda d2: jnp.maximum(d2, b_l)
  means = _means(
      real, fake, kernel=kernel, scales=scales, xy_diagonal=xy_diagonal,
      bounds={k: bound_above if w > 0. else bound_below
              for k, w in weights.items()})
  return sum(w * means[k] for k, w in weights.items() if w)


def generator(real, fake, *, kernel='gaussian', scales=(1.,), b_u=4.,
              xy_diagonal=True):
  """real: [m] or [m, d], fake: [n] or [n, d] -> MMD^2, a scalar in [-2, 2].

  Unbiased, so it may be negative. Arguments and errors as in `discriminator`.
  """
  del b_u
  means = observe(real, fake, kernel=kernel, scales=scales,
                  xy_diagonal=xy_diagonal)
  return means['k_xx'] + means['k_yy'] - 2. * means['k_xy']


def observe(real, fake, *, kernel='gaussian', scales=(1.,), xy_diagonal=True):
  """{'k_xx', 'k_yy', 'k_xy'}: means of the unbounded kernel, in [0, 1].

  To monitor training, because the losses stay near 0 in any case. In a healthy
  run they stay around the middle; values near 0 or 1 mean divergence.
  """
  return _means(real, fake, kernel=kernel, scales=scales,
                xy_diagonal=xy_diagonal)


def _means(real, fake, *, kernel, scales, xy_diagonal, bounds=None):
  """The three means; bounds: {name: d2 -> d2} bounds the distances."""
  measure = lookup.member('ops.kernels', kernel)
  if not scales or min(scales) <= 0.:
    raise UserError(f'mmd: scales={tuple(scales)}; one or more positive '
                    'numbers, as (1.,), would be right')
  x, y = (a.reshape(len(a), -1) for a in (real, fake))
  if min(len(x), len(y)) < 2:
    raise UserError(f'mmd: {len(x)} real and {len(y)} fake images in a batch '
                    'have too few pairs; 2 or more of each would be right')
  if not xy_diagonal and len(x) != len(y):
    raise UserError(f'mmd: {len(x)} real and {len(y)} fake images cannot be '
                    'paired off; as many fake ones (gen_batch=0), or '
                    'xy_diagonal=True, would be right')
  pairs = {'k_xx': (x, x, False), 'k_yy': (y, y, False),
           'k_xy': (x, y, xy_diagonal)}
  means = {}
  for name, (a, b, diagonal) in pairs.items():
    d2 = kernels.squared_distances(a, b)
    values = measure(bounds[name](d2) if bounds else d2, scales)
    means[name] = jnp.mean(values) if diagonal else _off_diagonal(values)
  return means


def _off_diagonal(values):
  """Mean of a square matrix without its diagonal."""
  n = len(values)
  return jnp.sum(values * (1. - jnp.eye(n))) / (n * (n - 1))
