"""Band weights of soft octave GANs (Durall et al., 2021): high against low.

Features of high frequency are multiplied by beta_high, those of low frequency
by beta_low. Training that begins with small beta_high learns shapes first and
details later. Between control points the weights are linear in the progress.
"""
import itertools

import jax.numpy as jnp

from jgan import lookup
from jgan.errors import UserError

# (progress, beta_high); beta_low is the rest to 1, but for 'oct'.
CURVES = {
    'oct': ((0., 1.),),
    # The one in the authors' code; both bands keep .2 or more.
    'combi': ((0., .2), (.5, .7), (1., .7)),
    'ramp': ((0., 0.), (1., 1.)),
    'ramp_delayed': ((0., 0.), (.2, 0.), (1., 1.)),
}


def values(progress, *, curve='combi', points=(), low=()):
  """Weights at a progress in [0, 1], which may be traced.

  Args:
    progress: scalar.
    curve: a name in CURVES, or 'points'. The paper shows ramp and combi as
      plots only; ramp_delayed is another reading of its text.
    points: of 'points': ((progress, beta_high), ...), rising in progress, all
      numbers in [0, 1]. Before the first and after the last it is constant.
    low: the same of beta_low; (): 1 - beta_high, and 1 of 'oct'.

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
  known = {**CURVES, 'points': points}
  if curve not in known:
    raise UserError(f"octave: no curve '{curve}': "
                    f'{lookup.nearest(curve, known)}')
  if curve == 'oct':
    low = low or CURVES['oct']
  high = _at(progress, known[curve], 'points')
  return {'beta_high': high,
          'beta_low': _at(progress, low, 'low') if low else 1. - high}


def _at(progress, points, key):
  """The curve through the control points, at a progress."""
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
