"""Schedules of the weights of soft octave GANs (Durall et al., 2021).

High-frequency features are multiplied by beta_high, low-frequency features by
beta_low. With a small beta_high at first, a GAN learns shapes first and details
later. The weights are interpolated linearly between control points.
"""
import itertools

import jax.numpy as jnp

from jgan import lookup
from jgan.errors import UserError

# Control points (progress, beta_high); beta_low = 1 - beta_high, but 1 for
# 'oct'.
CURVES = {
    'oct': ((0., 1.),),
    # The curve in the authors' code; both weights are .2 or more.
    'combi': ((0., .2), (.5, .7), (1., .7)),
    'ramp': ((0., 0.), (1., 1.)),
    'ramp_delayed': ((0., 0.), (.2, 0.), (1., 1.)),
}


def values(progress, *, curve='combi', points=(), low=()):
  """Weights at a progress in [0, 1], which may be traced.

  Args:
    progress: scalar.
    curve: a name in CURVES, or 'points'. The paper shows ramp and combi as
      plots only; ramp_delayed is another interpretation of its text.
    points: for 'points': ((progress, beta_high), ...), with rising progress,
      all numbers in [0, 1]. The curve is constant before the first point and
      after the last.
    low: control points of beta_low; (): 1 - beta_high, or 1 for 'oct'.

  Returns:
    {'beta_high', 'beta_low'}: float32 scalars in [0, 1].

  Raises:
    UserError: an unknown curve, points without curve='points' or the reverse,
      or points that are not as above.
  """
  if (curve == 'points') != bool(points):
    raise UserError(f"octave: curve='{curve}' with {len(points)} points; "
                    "curve='points' and points=((0., .2), (1., .7)) belong "
                    'together')
  curves = {**CURVES, 'points': points}
  if curve not in curves:
    raise UserError(f"octave: no curve '{curve}': "
                    f'{lookup.nearest(curve, curves)}')
  if curve == 'oct':
    low = low or CURVES['oct']
  high = _at(progress, curves[curve], 'points')
  return {'beta_high': high,
          'beta_low': _at(progress, low, 'low') if low else 1. - high}


def _at(progress, points, key):
  """Interpolates linearly between control points, which are checked first."""
  if not all(isinstance(p, tuple | list) and len(p) == 2 for p in points):
    raise UserError(f'octave: {key}={points} are not pairs; '
                    '((0., .2), (1., .7)) would be right')
  x, y = zip(*points)
  if any(b <= a for a, b in itertools.pairwise(x)):
    raise UserError(f'octave: {key} have the progress {x}; it must rise, as '
                    'in (0., .5, 1.)')
  if not all(0. <= v <= 1. for v in (*x, *y)):
    raise UserError(f'octave: {key}={points} leave [0, 1]; ((0., .2), '
                    '(1., .7)) would be right')
  return jnp.interp(progress, jnp.float32(x), jnp.float32(y))
